"""Guild AI plugin that runs a Jupyter notebook as an experiment."""

__version__ = "0.1.0"
