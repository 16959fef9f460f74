"""Where trials of notebooks as people write them part: a person would put the fork there."""

from __future__ import annotations

import pytest

from guild_notebook.analysis.fork_point import fork_point
from guild_notebook.flags.discover import discover
from tests.helpers.notebooks import notebook

NOTEBOOKS: dict[str, tuple[str, str]] = {
    "sklearn svm": (
        "C gamma",
        """\
import numpy as np
import matplotlib.pyplot as plt
from sklearn import datasets, svm
from sklearn.model_selection import train_test_split
%matplotlib inline
# %%
# Settings
C = 1.0
gamma = 0.001
seed = 0
# %%
digits = datasets.load_digits()
X = digits.images.reshape((len(digits.images), -1))
print(X.shape)
# %%
parts = train_test_split(X, digits.target, test_size=0.5, random_state=seed)
X_train, X_test, y_train, y_test = parts
# %% fork
clf = svm.SVC(C=C, gamma=gamma)
clf.fit(X_train, y_train)
# %%
print('accuracy:', clf.score(X_test, y_test))
""",
    ),
    "titanic": (
        "n_estimators",
        """\
import pandas as pd
import seaborn as sns
import warnings
warnings.filterwarnings('ignore')
sns.set_style('whitegrid')
plt.style.use('ggplot')
# %%
df = pd.read_csv('data/titanic.csv')
df.head()
# %%
df.info()
df.describe()
# %%
df['Age'] = df['Age'].fillna(df['Age'].median())
df = df.drop(columns=['Cabin', 'Ticket'])
df = pd.get_dummies(df, columns=['Sex', 'Embarked'])
# %%
fig, ax = plt.subplots(figsize=(8, 4))
sns.histplot(data=df, x='Age', ax=ax)
plt.show()
# %%
n_estimators = 100
max_depth = 5
# %%
from sklearn.ensemble import RandomForestClassifier
X, y = df.drop('Survived', axis=1), df['Survived']
# %% fork
model = RandomForestClassifier(n_estimators=n_estimators, max_depth=max_depth, random_state=0)
model.fit(X, y)
""",
    ),
    "pytorch": (
        "lr",
        """\
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets, transforms
# %%
batch_size = 64
epochs = 3
lr = 0.01
momentum = 0.5
# %%
torch.manual_seed(42)
device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
# %%
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_set = datasets.MNIST('/data', train=True, download=True, transform=transform)
print(len(train_set))
# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 50)
    def forward(self, x):
        return F.log_softmax(self.fc1(x), dim=1)
# %%
def train(model, loader, optimizer):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
# %% fork
loader = torch.utils.data.DataLoader(train_set, batch_size=batch_size, shuffle=True)
model = Net().to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
for epoch in range(epochs):
    train(model, loader, optimizer)
""",
    ),
    "keras": (
        "units dropout",
        """\
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers
print(tf.__version__)
# %%
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train.astype('float32') / 255.0
# %% fork
units = 128 #@param {type:"integer"}
dropout = 0.2 #@param {type:"number"}
# %%
hidden = layers.Dense(units, activation='relu')
model = keras.Sequential([layers.Flatten(input_shape=(28, 28)), hidden, layers.Dropout(dropout)])
# %%
model.compile(optimizer='adam', loss='mse')
history = model.fit(x_train, y_train)
""",
    ),
    "colab": (
        "learning_rate epochs",
        """\
!pip install -q transformers datasets
# %%
#@title Setup
import os
if 'google.colab' in str(get_ipython()):
    from google.colab import drive
    drive.mount('/content/drive')
os.environ['TOKENIZERS_PARALLELISM'] = 'false'
# %%
#@title Hyperparameters
model_name = 'bert-base-uncased' #@param {type:"string"}
learning_rate = 2e-5 #@param {type:"number"}
epochs = 3 #@param {type:"integer"}
# %%
from datasets import load_dataset
from transformers import AutoTokenizer
raw = load_dataset('glue', 'mrpc')
tokenizer = AutoTokenizer.from_pretrained(model_name)
# %%
def tokenize(batch):
    return tokenizer(batch['sentence1'], batch['sentence2'], truncation=True)
tokenized = raw.map(tokenize, batched=True)
# %% fork
from transformers import TrainingArguments, Trainer
args = TrainingArguments('out', learning_rate=learning_rate, num_train_epochs=epochs)
""",
    ),
    "papermill": (
        "alpha",
        """\
import pandas as pd
import numpy as np
%load_ext autoreload
%autoreload 2
# %%
region = 'EU'
alpha = 0.1
# %%
sales = pd.read_parquet('sales.parquet')
sales = sales[sales.region == region]
# %% fork
smooth = sales.amount.ewm(alpha=alpha).mean()
smooth.plot()
""",
    ),
    "statsmodels": (
        "alpha",
        """\
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
np.set_printoptions(precision=4, suppress=True)
# %%
data = sm.datasets.get_rdataset('Guerry', 'HistData').data
data.tail()
# %%
results = smf.ols('Lottery ~ Literacy + np.log(Pop1831)', data=data).fit()
print(results.summary())
# %% fork
alpha = 0.05
# %%
ci = results.conf_int(alpha=alpha)
""",
    ),
    "simulation": (
        "sigma",
        """\
import numpy as np
import matplotlib.pyplot as plt
rng = np.random.default_rng(7)
# %%
n = 1000
steps = 50
sigma = 0.3
# %%
grid = np.linspace(0, 1, n)
table = np.array([np.sin(k * grid) for k in range(200)])
# %%
def simulate(x0):
    x = np.full(n, x0)
    for _ in range(steps):
        x = x + sigma * rng.normal(size=n)
    return x
# %% fork
x = simulate(0.0)
print('mean:', x.mean())
""",
    ),
    "timed load": (
        "k",
        """\
import time
import pandas as pd
start = time.time()
df = pd.read_csv('big.csv')
print(f'loaded in {time.time() - start:.1f} s')
# %%
df = df.dropna().reset_index(drop=True)
# %% fork
k = 5
# %%
from sklearn.cluster import KMeans
start = time.time()
KMeans(k).fit(df)
print('fit', time.time() - start)
""",
    ),
    "global timer": (
        "k",
        """\
import time, pandas as pd
# %% fork
start = time.time()
# %%
df = pd.read_csv('big.csv')
# %%
k = 5
# %%
KMeans(k).fit(df)
# %%
print('total:', time.time() - start)
""",
    ),
    "logging": (
        "lr",
        """\
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format='%(message)s')
logger = logging.getLogger(__name__)
# %%
logger.info('loading')
data = load()
logger.info('loaded %d', len(data))
# %% fork
lr = 0.1
# %%
logger.info('lr %s', lr)
fit(data, lr)
""",
    ),
    "xgboost": (
        "eta",
        """\
import xgboost as xgb
from sklearn.datasets import fetch_california_housing
from sklearn.model_selection import train_test_split
from sklearn.metrics import mean_squared_error
# %%
data = fetch_california_housing(as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(data.data, data.target, random_state=42)
dtrain = xgb.DMatrix(X_train, y_train)
# %%
eta = 0.3
max_depth = 6
params = {'eta': eta, 'max_depth': max_depth, 'objective': 'reg:squarederror'}
# %%
dtest = xgb.DMatrix(X_test, y_test)
# %% fork
bst = xgb.train(params, dtrain, num_boost_round=100)
""",
    ),
    "nlp": (
        "min_df",
        """\
import re, string, nltk
nltk.download('stopwords', quiet=True)
from nltk.corpus import stopwords
# %%
stop = set(stopwords.words('english'))
def clean(text):
    text = re.sub(r'[^a-z ]', '', text.lower())
    return ' '.join(w for w in text.split() if w not in stop)
# %%
with open('reviews.txt', encoding='utf-8') as f:
    texts = [clean(line) for line in f]
# %% fork
ngram_max = 2
min_df = 3
# %%
from sklearn.feature_extraction.text import TfidfVectorizer
vec = TfidfVectorizer(ngram_range=(1, ngram_max), min_df=min_df)
M = vec.fit_transform(texts)
""",
    ),
    "image": (
        "threshold",
        """\
import cv2
from PIL import Image
from pathlib import Path
from tqdm.auto import tqdm
from glob import glob
# %%
paths = sorted(Path('images').glob('*.png'))
images = [cv2.imread(str(p)) for p in tqdm(paths)]
len(images)
# %% fork
threshold = 128
# %%
masks = [(image > threshold) for image in images]
""",
    ),
    "download": (
        "k",
        """\
import os, urllib.request
import pandas as pd
# %% fork
url = 'https://example.org/x.csv'
if not os.path.exists('x.csv'):
    urllib.request.urlretrieve(url, 'x.csv')
# %%
df = pd.read_csv('x.csv')
# %%
k = 3
# %%
fit(df, k)
""",
    ),
    "class config": (
        "lr",
        """\
import torch
class Config:
    lr = 0.1
    epochs = 3
# %%
data = load()
# %%
lr = 0.1
cfg = Config()
# %% fork
cfg.lr = lr
# %%
train(cfg, data)
""",
    ),
    "outdir": (
        "depth",
        """\
import os
import numpy as np
import pandas as pd
# %%
df = pd.read_csv('a.csv')
# %% fork
OUT = 'out'
os.makedirs(OUT, exist_ok=True)
# %%
depth = 3
# %%
fit(df, depth)
""",
    ),
    "in one cell": (
        "lr",
        """\
import numpy as np
from sklearn.datasets import load_iris
lr = 0.1
X, y = load_iris(return_X_y=True)
# %% fork
w = np.zeros(4)
for _ in range(10):
    w -= lr * (X.T @ (X @ w - y))
""",
    ),
    "widgets": (
        "year",
        """\
import ipywidgets as widgets
from IPython.display import display, HTML
import plotly.express as px
# %%
df = px.data.gapminder()
out = widgets.Output()
display(out)
# %% fork
year = 2007
# %%
px.scatter(df[df.year == year], x='gdpPercap', y='lifeExp')
""",
    ),
    "async": (
        "factor",
        """\
import asyncio, json
async def fetch(n):
    await asyncio.sleep(0.1)
    return n
# %%
rows = await asyncio.gather(*(fetch(n) for n in range(5)))
# %% fork
factor = 2
# %%
[row * factor for row in rows]
""",
    ),
    "sys path": (
        "hidden",
        """\
import sys, os
sys.path.append('..')
sys.path.insert(0, os.path.abspath('../src'))
from mylib import models, data
# %%
ds = data.load('train')
ds = ds.sample(frac=0.1, random_state=0)
# %% fork
hidden = 16
# %%
m = models.MLP(hidden)
m.fit(ds)
""",
    ),
    "argparse": (
        "n",
        """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--lr', type=float, default=0.1)
args = parser.parse_args([])
# %%
data = load()
# %%
lr = args.lr
n = 3
# %% fork
fit(data, n)
""",
    ),
    "jax": (
        "step",
        """\
import jax
import jax.numpy as jnp
from jax import grad, jit, vmap, random
key = random.PRNGKey(0)
# %%
W_key, b_key = random.split(key)
W = random.normal(W_key, (3,))
# %%
@jit
def predict(W, x):
    return jnp.dot(x, W)
# %% fork
step = 0.1
# %%
W = W - step * grad(loss)(W)
""",
    ),
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_fork_is_where_a_person_would_put_it(name: str):
    varying, text = NOTEBOOKS[name]
    shared, _, after = text.partition("# %% fork\n")
    cells = shared.split("# %%\n")
    nb = notebook(*cells, *after.split("# %%\n"))
    point = fork_point(nb, discover(nb), varying.split(), range(len(nb.cells)))
    assert (point.cells, point.index) == (len(cells), len(cells))
