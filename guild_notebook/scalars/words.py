"""The words by which people name what is measured, and what a run was told."""

from __future__ import annotations

import re

SMALLER = {"loss", "error", "err", "mse", "rmse", "mae", "mape", "perplexity", "nll", "cost"}
LARGER = {"accuracy", "acc", "auc", "f1", "precision", "recall", "score", "r2", "reward"}
"""Of metrics, by which of their values is the better one."""

HELD_OUT = {"val", "valid", "validation", "test", "eval"}
TRAINED = {"train", "training", "trn"}

_METRICS = SMALLER | LARGER | {
    *("ap", "auroc", "bleu", "cer", "dice", "fid", "iou", "map", "miou", "mrr", "ndcg", "ppl"),
    *("psnr", "rouge", "sensitivity", "specificity", "ssim", "wer"),
}  # fmt: skip

METRIC = rf"(?:{'|'.join(sorted(_METRICS))})(?:@\d+)?"
"""An expression for one, also of the first answers (``acc@5``)."""

_BESIDE = HELD_OUT | TRAINED | {
    *("average", "avg", "balanced", "best", "current", "dev", "final", "last", "macro", "mean"),
    *("micro", "overall", "testing", "top", "total", "weighted"),
}  # fmt: skip

_SETTINGS = {
    *("alpha", "batch", "beta", "budget", "classes", "columns", "count", "decay", "depth", "dim"),
    *("dropout", "epochs", "estimators", "features", "gamma", "hidden", "layers", "learning"),
    *("length", "lr", "max", "min", "momentum", "n", "num", "parameters", "params", "patience"),
    *("rate", "rows", "samples", "seed", "shape", "size", "split", "threads", "threshold"),
    *("units", "version", "workers"),
}


def words_of(name: str) -> list[str]:
    """``valLoss``, ``val-loss`` and ``Val loss`` have the same two."""
    return re.findall(r"[a-z0-9]+", re.sub("([a-z])([A-Z])", r"\1_\2", name).lower())


def is_metric(name: str) -> bool:
    """Whether all words of a name are those of metrics and what stands beside them: ``Test acc``,
    ``Acc@5``, and not ``the accuracy``."""
    words = words_of(re.sub(r"@\d+", "", name))
    return not _METRICS.isdisjoint(words) and set(words) <= _METRICS | _BESIDE


def is_setting(name: str, value: str) -> bool:
    """Whether a name with a value looks like what a run was told, as ``epochs = 10``, and not like
    what it has measured."""
    words = set(words_of(name))
    return words.isdisjoint(_METRICS) and (value.isdigit() or not words.isdisjoint(_SETTINGS))
