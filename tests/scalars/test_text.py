"""``nb-scalars: text``: what notebooks and their libraries print, and the scalars of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from guild import summary

from guild_notebook.scalars.patterns import default_patterns
from tests.helpers.growth import check_growth

FLAGS = ["lr", "Batch Size"]


def lines_of(text: str) -> Iterator[dict[str, float]]:
    """What Guild finds in each line of an output: values by their names, and the step."""
    patterns = summary._init_patterns(default_patterns(FLAGS, "text"))
    for line in [*text.split("\n"), ""]:
        yield summary._match_line(line.encode(), patterns)


def found_in(text: str) -> dict[str, float]:
    """The scalars of an output, the last value of each, and the last step."""
    return {name: value for found in lines_of(text) for name, value in found.items()}


LINES: dict[str, dict[str, float]] = {
    # one name and a value
    "Test accuracy: 0.93": {"test_accuracy": 0.93},
    "Accuracy: 92.3%": {"accuracy": 92.3},
    "Accuracy: 92.3 %": {"accuracy": 92.3},
    "  val_acc: 0.9": {"val_acc": 0.9},
    "\tval_acc : 0.9": {"val_acc": 0.9},
    "f1 = 0.8": {"f1": 0.8},
    "loss=0.25": {"loss": 0.25},
    "loss:0.25": {"loss": 0.25},
    "RMSE:   0.1234": {"rmse": 0.1234},
    "Accuracy      : 0.93": {"accuracy": 0.93},
    "Accuracy (%): 93.2": {"accuracy": 93.2},
    "R^2 score: 0.89": {"r2_score": 0.89},
    "Mean Absolute Error: 0.3": {"mean_absolute_error": 0.3},
    "MeanSquaredError: 0.3": {"meansquarederror": 0.3},
    "Test Error: 7.7%": {"test_error": 7.7},
    "**Accuracy:** 0.93": {"accuracy": 0.93},
    "- RMSE: 0.8814": {"rmse": 0.8814},
    "--> Val loss: 0.3": {"val_loss": 0.3},
    "📊 Test F1-score (macro): 0.9773": {"test_f1-score_macro": 0.9773},
    "Accuracy of the network on the 10000 test images: 55 %": {
        "accuracy_of_the_network_on_the_10000_test_images": 55
    },
    "Accuracy of plane : 45 %": {"accuracy_of_plane": 45},
    "Fold 1 accuracy: 0.93": {"fold_1_accuracy": 0.93},
    "准确率：0.93": {"准确率": 0.93},
    "=== Test loss: 0.25 ===": {"test_loss": 0.25},
    "Test loss: 0.25.": {"test_loss": 0.25},
    "Accuracy: 0.93 (+/- 0.02)": {"accuracy": 0.93},
    "Accuracy: 0.93 ± 0.02": {"accuracy": 0.93},
    "'Accuracy: 0.93'": {"accuracy": 0.93},
    '"loss = 0.3, acc = 0.4"': {"loss": 0.3, "acc": 0.4},
    "Avg. Loss: 0.3": {"avg_loss": 0.3},
    "R-squared:     0.416   Adj. R-squared: 0.353": {"r-squared": 0.416, "adj_r-squared": 0.353},
    "Done. Accuracy: 0.93": {"accuracy": 0.93},
    # of which data
    "train - loss: 0.3, val - loss: 0.4": {"train_loss": 0.3, "val_loss": 0.4},
    "Epoch 3 | Test | Loss: 0.3 | Acc: 0.4": {"step": 3, "test_loss": 0.3, "test_acc": 0.4},
    # Transformers 5, tutorials of PyTorch
    "{'loss': '0.5234', 'learning_rate': '4.5e-05', 'epoch': '1.5'}": {
        "loss": 0.5234,
        "learning_rate": 4.5e-05,
        "step": 1,
    },
    "loss: 2.301272  [   64/60000]": {"loss": 2.301272},
    "| end of epoch   1 | time: 41.93s | valid loss  5.80": {
        "step": 1,
        "time": 41.93,
        "valid_loss": 5.8,
    },
    "step 10 loss 0.3 decay 1e-4": {"step": 10, "loss": 0.3, "decay": 1e-4},
    "Epoch 1/10 (3.2 s): loss 0.5, acc 0.6": {"step": 1, "loss": 0.5, "acc": 0.6},
    "Best val loss so far: 0.3 (epoch 7)": {"best_val_loss_so_far": 0.3, "step": 7},
    "Test accuracy: 0.93 (step 3)": {"test_accuracy": 0.93, "step": 3},
    # values
    "Training loss: 1.5e-05": {"training_loss": 1.5e-5},
    "Training loss: 1E+5": {"training_loss": 1e5},
    "Training loss: nan": {"training_loss": math.nan},
    "Training loss: -inf": {"training_loss": -math.inf},
    "Training loss: .5": {"training_loss": 0.5},
    "Total params: 1,234,567 (4.71 MB)": {"total_params": 1234567},
    "Net gain: -1,234.5": {"net_gain": -1234.5},
    "Training time: 12.5s": {"training_time": 12.5},
    "Training time: 250 ms": {"training_time": 0.25},
    "Training time: 2.5 minutes": {"training_time": 150},
    "Final loss: tensor(0.3000, grad_fn=<NllLossBackward>)": {"final_loss": 0.3},
    "{'acc': np.float64(0.9), 'f1': 0.8}": {"acc": 0.9, "f1": 0.8},
    # several on a line
    "loss: 0.3 - acc: 0.9": {"loss": 0.3, "acc": 0.9},
    "loss: 0.3, acc: 0.9": {"loss": 0.3, "acc": 0.9},
    "loss=0.3 acc=0.9": {"loss": 0.3, "acc": 0.9},
    "loss: 0.3; val acc: 0.9": {"loss": 0.3, "val_acc": 0.9},
    "Train loss: 0.3 | Val loss: 0.4": {"train_loss": 0.3, "val_loss": 0.4},
    " Accuracy: 92.3%, Avg loss: 0.281000 ": {"accuracy": 92.3, "avg_loss": 0.281},
    "Train: loss=0.3 acc=0.9 | Val: loss=0.4 acc=0.8": {
        "train_loss": 0.3, "train_acc": 0.9, "val_loss": 0.4, "val_acc": 0.8
    },
    "[Train] loss: 0.3": {"train_loss": 0.3},
    "Results: accuracy=0.93, auc=0.97": {"accuracy": 0.93, "auc": 0.97},
    "model: resnet, acc: 0.9": {"acc": 0.9},
    "Test set: Average loss: 0.0265, Accuracy: 9912/10000 (99%)": {
        "test_set_average_loss": 0.0265, "test_set_accuracy": 99
    },
    "lr=0.1, batch size: 32, loss=0.3": {"loss": 0.3},
    # with a step
    "Epoch 3/10": {"step": 3},
    "epoch 3: loss=0.3": {"step": 3, "loss": 0.3},
    "Step 100 | loss 0.3": {"step": 100, "loss": 0.3},
    "Epoch 10/10, loss = 0.1234": {"step": 10, "loss": 0.1234},
    "Epoch [1/5], Step [100/600], Loss: 0.2213": {"step": 1, "loss": 0.2213},
    "Epoch: 1 LR_now: 0.0944": {"step": 1, "lr_now": 0.0944},
    "[1,  2000] loss: 2.170": {"step": 1, "loss": 2.17},
    "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300584": {"step": 1, "loss": 2.300584},
    "Val Epoch 2 - loss: 0.4": {"step": 2, "val_loss": 0.4},
    ">>> Epoch 1 Train Loss: 0.5, Val Loss: 0.6 <<<": {
        "step": 1, "train_loss": 0.5, "val_loss": 0.6
    },
    "Epoch 5 | Train Acc: 85.00% | Time: 12.3s": {"step": 5, "train_acc": 85, "time": 12.3},
    "step 100: train loss 1.8012, val loss 1.9021": {
        "step": 100, "train_loss": 1.8012, "val_loss": 1.9021
    },
    "iter 100: loss 1.8012, time 250.5ms, mfu 3.2%": {
        "step": 100, "loss": 1.8012, "time": 0.2505, "mfu": 3.2
    },
    "| epoch   1 |   200/ 2983 batches | ms/batch 12.34 | loss  7.60 | ppl  2062.55": {
        "step": 1, "ms/batch": 12.34, "loss": 7.6, "ppl": 2062.55
    },
    "Epoch: [0][  10/5005]\tTime  0.5 ( 0.6)\tLoss 6.9 (6.9)\tAcc@1 0.00 (0.1)": {
        "step": 0, "time": 0.5, "loss": 6.9, "acc@1": 0
    },
    "Episode 10\tAverage Score: 25.50": {"step": 10, "average_score": 25.5},
    "Iteration 1, loss = 0.69314718": {"step": 1, "loss": 0.69314718},
    "{'loss': 0.3, 'learning_rate': 5e-05, 'epoch': 1.0}": {
        "loss": 0.3, "learning_rate": 5e-5, "step": 1
    },
    "{'eval_loss': 0.31, 'eval_runtime': 2.1, 'epoch': 1.56}": {
        "eval_loss": 0.31, "eval_runtime": 2.1, "step": 1
    },
    "TrainOutput(global_step=500, training_loss=0.3, metrics={'train_runtime': 12.3})": {
        "step": 500, "training_loss": 0.3
    },
    "[10]\tvalidation-rmse:0.30211\ttrain-rmse:0.2": {
        "step": 10, "validation-rmse": 0.30211, "train-rmse": 0.2
    },
    "[100]\tvalid_0's l2: 0.228637\tvalid_0's auc: 0.72": {
        "step": 100, "valid_0_l2": 0.228637, "valid_0_auc": 0.72
    },
    "[25]    train's rmse: 0.966  valid's rmse: 1.0129": {
        "step": 25, "train_rmse": 0.966, "valid_rmse": 1.0129
    },
    "0:\tlearn: 0.6931\ttest: 0.5\tbest: 0.5 (0)\ttotal: 2.5ms\tremaining: 2.5s": {
        "step": 0, "learn": 0.6931, "test": 0.5, "best": 0.5, "total": 0.0025
    },
    "INFO:tensorflow:loss = 0.3, step = 100 (0.5 sec)": {"loss": 0.3, "step": 100},
    "2024-01-01 12:00:00,123 - INFO - val_loss: 0.3": {"val_loss": 0.3},
    "[12:00:01] INFO: Epoch 3: val_loss=0.3": {"val_loss": 0.3, "step": 3},
    "[Epoch 1] train: 0.5 | val: 0.6": {"step": 1, "train": 0.5, "val": 0.6},
    "Epoch: 1/5.. Train Loss: 0.512.. Test Loss: 0.4": {
        "step": 1, "train_loss": 0.512, "test_loss": 0.4
    },
    "Epoch 2 finished. Loss: 0.3": {"step": 2, "loss": 0.3},
    "Done in 3.5s. Test accuracy: 0.9": {"test_accuracy": 0.9},
    "313/313 - 1s - loss: 0.0893 - accuracy: 0.9732 - 1s/epoch - 3ms/step": {
        "loss": 0.0893, "accuracy": 0.9732
    },
    "Validation: {'loss': 0.3, 'acc': 0.9}": {"validation_loss": 0.3, "validation_acc": 0.9},
    # without a sign: metrics only, with a fraction or a share
    "Accuracy 0.93": {"accuracy": 0.93},
    "Best val accuracy 93%": {"best_val_accuracy": 93},
    "  Test loss  0.25": {"test_loss": 0.25},
    " * Acc@1 76.130 Acc@5 92.862": {"acc@1": 76.13, "acc@5": 92.862},
    "Test RMSE 0.5, MAE 0.25": {"test_rmse": 0.5, "mae": 0.25},
    "F1 score (macro): 0.8 | AUC 0.9": {"f1_score_macro": 0.8, "auc": 0.9},
    "Precision: 0.85 Recall: 0.80 F1-Score: 0.82": {
        "precision": 0.85, "recall": 0.8, "f1-score": 0.82
    },
    "Test loss: 0.0893 / Test accuracy: 0.9732": {"test_loss": 0.0893, "test_accuracy": 0.9732},
    # bars that are full
    "938/938 [==============================] - 2s 2ms/step - loss: 0.3 - accuracy: 0.9": {
        "loss": 0.3, "accuracy": 0.9
    },
    "938/938 ━━━━━━━━━━━━━━━━━━━━ 2s 2ms/step - accuracy: 0.9 - loss: 0.3": {
        "accuracy": 0.9, "loss": 0.3
    },
    "Epoch 3: 100%|██████████| 100/100 [00:01<00:00, 90.1it/s, loss=0.3, acc=0.9]": {
        "step": 3, "loss": 0.3, "acc": 0.9
    },
    "Loss=1.18 Accuracy=40.71: 100%|██████████| 98/98 [00:28<00:00,  3.47it/s]": {
        "loss": 1.18, "accuracy": 40.71
    },
    "loss: 0.300: 100%|##########| 98/98 [00:28<00:00,  3.47it/s]": {"loss": 0.3},
    "Epoch 4/9  ━━━━━━━━━━━ 100/100 0:00:01 • 0:00:00 95.10it/s v_num: 0.0 train_loss: 0.3": {
        "step": 4, "train_loss": 0.3
    },
}  # fmt: skip

TABLES: dict[str, tuple[str, dict[str, float]]] = {
    "pandas": ("   accuracy  loss\n0      0.93  0.30", {"accuracy": 0.93, "loss": 0.3}),
    "pandas, one column": ("   accuracy\n0      0.93\n", {"accuracy": 0.93}),
    "pandas, no index": (" accuracy  loss\n     0.93   0.3", {"accuracy": 0.93, "loss": 0.3}),
    "pandas with a text": ("  model  accuracy\n0    rf      0.93", {"accuracy": 0.93}),
    "pandas by a name": ("      accuracy   f1\ntest      0.93  0.9", {"accuracy": 0.93, "f1": 0.9}),
    "tabulate": (
        "  accuracy    loss\n----------  ------\n      0.93     0.3",
        {"accuracy": 0.93, "loss": 0.3},
    ),
    "Markdown": (
        "|    |   accuracy |   loss |\n|---:|-----------:|-------:|\n|  0 |       0.93 |    0.3 |",
        {"accuracy": 0.93, "loss": 0.3},
    ),
    "a grid": (
        "+------------+--------+\n|   accuracy |   loss |\n+============+========+\n"
        "|       0.93 |    0.3 |\n+------------+--------+\ndone",
        {"accuracy": 0.93, "loss": 0.3},
    ),
    "rich": (
        "┏━━━━━━━━━━┳━━━━━━┓\n┃ accuracy ┃ loss ┃\n┡━━━━━━━━━━╇━━━━━━┩\n"
        "│ 0.93     │ 0.3  │\n└──────────┴──────┘",
        {"accuracy": 0.93, "loss": 0.3},
    ),
    "Lightning": (
        "┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━┓\n"
        "┃     Test metric     ┃    DataLoader 0     ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━┩\n"
        "│      test_acc       │ 0.9264000058174133  │\n"
        "│      test_loss      │ 0.2345000058174133  │\n"
        "└─────────────────────┴─────────────────────┘",
        {"test_acc": 0.9264000058174133, "test_loss": 0.2345000058174133},
    ),
    "stable-baselines": (
        "-----------------------------\n| rollout/         |        |\n"
        "|    ep_rew_mean   | 22.3   |\n|    fps           | 1123   |\n",
        {"ep_rew_mean": 22.3, "fps": 1123},
    ),
    "classification_report": (
        "              precision    recall  f1-score   support\n\n"
        "           0       0.99      1.00      0.99        88\n"
        "           1       0.95      0.97      0.96        91\n\n"
        "    accuracy                           0.98       179\n"
        "   macro avg       0.97      0.96      0.95       179\n"
        "weighted avg       0.94      0.93      0.92       179\n",
        {
            "accuracy": 0.98,
            **{"macro_avg_precision": 0.97, "macro_avg_recall": 0.96, "macro_avg_f1-score": 0.95},
            **{"weighted_avg_precision": 0.94, "weighted_avg_recall": 0.93},
            "weighted_avg_f1-score": 0.92,
        },
    ),
    "fastai": (
        "epoch     train_loss  valid_loss  accuracy  time    \n"
        "0         0.344000    0.123000    0.950000  00:12     \n"
        "1         0.244000    0.113000    0.960000  00:12     \n",
        {"train_loss": 0.244, "valid_loss": 0.113, "accuracy": 0.96, "step": 1},
    ),
    "gradient boosting": (
        "      Iter       Train Loss   Remaining Time \n"
        "         1           1.2500            0.50s\n"
        "         2           1.1500            0.40s\n",
        {"train_loss": 1.15, "step": 2},
    ),
    "YOLO": (
        "      Epoch    GPU_mem   box_loss  Instances       Size\n"
        "        1/3      2.6G      9.999         10        640:  50%|███   | 2/4 [00:01<00:01]\n"
        "        1/3      2.6G      1.149         10        640: 100%|██████| 4/4 [00:01<00:00]\n",
        {"box_loss": 1.149, "instances": 10, "size": 640, "step": 1},
    ),
    "Keras": (
        "Epoch 1/2\n"
        "100/938 [==>...........................] - ETA: 2s - loss: 9.5 - accuracy: 0.1\n"
        "938/938 [==============================] - ETA: 0s - loss: 9.4 - accuracy: 0.1\n"
        "Epoch 1: val_loss improved from inf to 0.86118, saving model to x.hdf5\n"
        "938/938 [==============================] - 2s 2ms/step - loss: 0.5 - val_loss: 0.6\n"
        "Epoch 2/2\n"
        "938/938 [==============================] - 2s 2ms/step - loss: 0.3 - val_loss: 0.4\n",
        {"loss": 0.3, "val_loss": 0.4, "step": 2},
    ),
}  # fmt: skip


def same(found: dict[str, float], expected: dict[str, float]) -> bool:
    return found.keys() == expected.keys() and all(
        found[name] == pytest.approx(value, nan_ok=True) for name, value in expected.items()
    )


@pytest.mark.parametrize("line", LINES, ids=ascii)
def test_a_line_has_the_scalars_that_people_read_in_it(line):
    assert same(found_in(line), LINES[line]), found_in(line)


def test_the_lines_are_many():
    assert len(LINES) + len(TABLES) >= 90
    assert len(NOTHING) >= 60


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_scalars_of_its_row(name):
    text, expected = TABLES[name]
    assert same(found_in(text), expected), found_in(text)


NOTHING = [
    # what is no name
    *(
        "0: 0.5",
        "2020-01-01: 5",
        "http://x.y:80: 5",
        "12:30:01",
        "3/4: 0.5",
        "0x7f3a: 1",
        "(1, 2): 3",
    ),
    *("127.0.0.1:8888", "localhost:8080", "http://127.0.0.1:8888/?token=5", "1: 2: 3", "nan: 5"),
    # dates and times
    *("Date: 2020-01-01", "date = 2020/01/01", "Time: 12:30:01", "Started: 2024-01-01 12:00:00"),
    *("2024-01-01 12:00:00,123 - INFO - done 5", "01-Jan-2020: 5", "ETA: 12s", "eta: 0:00:12"),
    # versions and addresses
    *("numpy==1.26.4", "torch: 2.1.0", "Python version: 3.11", "python: 3.11", "CUDA: 11.8"),
    *("image: python:3.9-slim", "<Model object at 0x7f3a5c>", "port: 8080", "id: abc123"),
    "Successfully installed numpy-1.26.4 pandas-2.1.0",
    # tracebacks, warnings and errors
    *("KeyError: 3", "SystemExit: 1", "ValueError: x=5 is too large", "IndexError: list index 3"),
    *('  File "train.py", line 12, in <module>', "Traceback (most recent call last): 5"),
    *("----> 3 loss = 0.5", "      2 lr = 0.1", "Cell In[3], line 5", "ZeroDivisionError: float 1"),
    *(
        "File /lib/pandas/io/common.py:954, in get_handle(path, mode)",
        "File ~/my notes/a.py:3, in f",
    ),
    *("File <string>:3", "  File ~/project/module.py:12", "Input In [3], in <cell line: 1>()"),
    "/usr/lib/python3/x.py:80: UserWarning: threshold=0.5 is deprecated",
    "/usr/lib/python3/x.py:80: UserWarning: threshold=0.5",
    *("WARNING: threshold=0.5", "[WARNING] threshold: 5", "ERROR:root:threshold: 5"),
    "2024-01-01 12:00:00,123 - WARNING - threshold: 0.3",
    # progress
    *(" 45%|████▌     | 45/100 [00:01<00:01, 30.5it/s]", "100%|██████████| 98/98 [00:28<00:00]"),
    "Epoch 3:  45%|████▌     | 45/100 [00:01<00:01, 30.5it/s, loss=0.3]",
    "Loss=1.18 Accuracy=40.71:  45%|████      | 45/98 [00:28<00:00,  3.47it/s]",
    "45it [00:01, 30.2it/s, loss=0.3]",
    "100/938 [==>...........................] - ETA: 2s - loss: 0.5 - accuracy: 0.8",
    "93/938 ━━━━━━━━━━━━━━━━━━━━ 2s 2ms/step - accuracy: 0.9 - loss: 0.3",
    "Epoch 0/9  ━━━━━━╸━━━━━ 45/100 0:00:01 • 0:00:00 95.10it/s train_loss: 0.3",
    "Working... ━━━━━━━━━━━━━━━━━━━━ 100% 0:00:20",
    "Training ━━━━━━━━━━╸━━━━━━━━━ 45% loss: 0.3",
    *("Progress: 45%", "Downloading: 45%|███       | 4.5M/10M [00:28<00:00, 3.47MB/s]", "45%"),
    "CPU times: user 1.2 s, sys: 0.1 s, total: 1.3 s",
    "Wall time: 3.1 μs",
    # text, lists, code
    *("The accuracy is 0.93", "Accuracy 5", "accuracy of 0.93", "with loss 0.3"),
    *("Found 60000 files in 10 classes.", "25000 train"),
    *("Model saved with accuracy 0.93", "early stopping at loss 0.3", "Accuracy 0.93, 0.94"),
    *("Loss 0.3 decreased", "MSE loss 0.3 on 12 rows", "loss 0.3.5", "lr 0.1", "Top 5.0"),
    *("CV scores: 0.93, 0.94, 0.95", "scores: [0.93, 0.94]", "x.shape: (100, 20)", "ratio: 3:1"),
    *("Genauigkeit: 0,93", "x = 5x + 2", "x == 5", "x <= 5", "if loss > 0.5: 3 times", "for 5: x"),
    *("Epoch 3 took 12.3s", "Step 1: load the data", "Epoch 1: val_loss did not improve from 0.35"),
    *("Memory: 512 MB", "Rate: 30 it/s", "Size: 5x5", "loss: 0.3.5", "loss: 0.3/0.4", "lr: 0.1"),
    "Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.503",
    *("RandomForestClassifier(max_depth=3, n_estimators=100)", "Namespace(lr_max=0.1, epochs=3)"),
    *(
        "Price: $12.50",
        "Elapsed time: 00:01:23",
        "Saved model to model_0.93.h5",
        "cuda:0",
        "1. x: 5",
    ),
    # a model of PyTorch, a line of Optuna
    *("  (0): Linear(in_features=784, out_features=128, bias=True)", "  (fc): Dropout(p=0.5)"),
    "[I 2024-01-01 12:00:00,000] Trial 3 finished with value: 0.1 and parameters: {'x': 2.0}. "
    "Best is trial 3 with value: 0.1.",
    # of this package
    *("[2/3] lr_now = 0.1 (0.0 s)", "[3] f1 = 0.8 (1 min 02 s)", "guild-notebook: cell 3: x=5"),
    # secret values
    *(
        "pin: ***",
        "loss: 0.***",
        "loss: ***.5",
        "loss: ***5",
        "loss: ***, key=***",
        "loss: 1***0",
        "sum: 1,***",
    ),
    # tables of data
    "   age  income\n0   25   50000\n1   30   60000",
    "   age  income\n0   25   50000\n1   30   60000\n2   31   1",
    "       accuracy\ncount  5.000000\nmean   0.900000\nstd    0.010000\n",
    "cat    10\ndog     5\nName: kind, dtype: int64",
    "label\ncat    10\ndog     5\n",
    "[[50  2]\n [ 3 45]]",
    "Layer (type)           Output Shape         Param #\n dense (Dense)   (None, 128)   100480\n"
    " dense_1 (Dense)   (None, 10)   1290\n",
    " #   Column  Non-Null Count  Dtype\n---  ------  --------------  -----\n"
    " 0   age     100 non-null    int64",
]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_other_text_has_no_scalars(text):
    assert found_in(text) == {}


@pytest.mark.parametrize("line", [*LINES, *NOTHING], ids=ascii)
def test_the_last_line_of_an_output_counts_as_any(line):
    """A table may end with it, so an empty line is read after the last."""
    assert same(found_in(f"{line}\n\nThe end."), found_in(line))


def test_a_bar_has_the_scalars_of_its_last_state_only():
    states = [f"{n:3}%|###| {n}/100 [00:01<00:01, 9.0it/s, loss={n}.5]" for n in range(101)]
    patterns = summary._init_patterns(default_patterns((), "text"))
    found = [summary._match_line(state, patterns) for state in states]
    assert [each for each in found if each] == [{"loss": 100.5}]


@pytest.mark.parametrize(
    "part",
    [
        *(
            "x",
            "x:",
            "x ",
            "1 ",
            "a: 1, ",
            "0:1 ",
            "[",
            "a=",
            "(",
            "100%|",
            "━ ",
            "1/1 ",
            "* ",
            "a  ",
        ),
        *(
            "'",
            " - ",
            "Epoch 1 ",
            "[1:00,",
            "a (",
            "x/",
            "Error",
            "WARN ",
            "| 1 ",
            "a: 1 (",
            "1,000",
        ),
    ],
)
def test_a_line_takes_time_linear_in_its_length(part):
    patterns = summary._init_patterns(default_patterns(FLAGS, "text"))
    check_growth(
        lambda line: summary._match_line(line, patterns),
        lambda size: part * (size // len(part)) + " 5",
        20_000,
    )


@pytest.mark.parametrize("begin", ["a", "a: 1", "epoch 1 ", "a: 1 ("])
def test_blanks_in_a_line_take_time_linear_in_their_number(begin):
    patterns = summary._init_patterns(default_patterns(FLAGS, "text"))
    check_growth(
        lambda line: summary._match_line(line, patterns),
        lambda size: f"{begin}{' ' * size}b: 1",
        2_000,
    )


def test_lines_in_which_nothing_can_be_are_not_divided(monkeypatch):
    from guild_notebook.scalars import text

    divided: list[Any] = []
    find = text._found_in
    monkeypatch.setattr(text, "_found_in", lambda line: divided.append(line) or find(line))
    found_in("12:30:01 INFO line 5 of a log\nreading the next part\nx\n   a  b\n0  1  2\n" * 20)
    assert divided == []
    found_in("loss = 0.5")
    assert divided == ["loss = 0.5"]
