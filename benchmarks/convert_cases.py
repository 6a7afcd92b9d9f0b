"""The pipelines that `convert.py` fits: which table, which front, which end; and their tables."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from convert_ends import ALONE, CLASSES, NEEDS_CODES, NUMBERS, SINGLE
from convert_fronts import BEYOND, FRONTS, Columns
from sklearn.pipeline import make_pipeline
from tables import clean_sets, typed

MOST_FITTED, MOST_HELD, FEW = 5_000, 5_000, 40
MANY_WORDS = 20.0
"""Characters on average from which on a column of texts is free text; below, one of more than `FEW` texts
is a name or a key, and left out."""
CATEGORIES = "categories"
"""In place of a front: columns of texts as pandas' categories, for models that take these."""


@dataclass(frozen=True)
class Table:
    """A real table, parted by lot."""

    target: str
    task: str
    columns: Columns
    fitted: pd.DataFrame
    held: pd.DataFrame


@dataclass(frozen=True)
class Case:
    """One pipeline on one table."""

    table: str
    front: str
    end: str

    @property
    def name(self) -> str:
        return f"{self.table}: {self.front} > {self.end}"

    @property
    def beyond(self) -> str:
        """Why no graph can do it; empty where its operators exist."""
        return BEYOND.get(self.front, "")

    @property
    def tolerance(self) -> float:
        """The difference from which on an answer is another one."""
        return 1e-5 if self.end in SINGLE else 1e-9

    @property
    def is_alone(self) -> bool:
        return self.end in ALONE

    def data(self) -> Table:
        """Its table, with columns and classes as the model takes them."""
        table = loaded(self.table)
        fitted, held, columns = table.fitted.copy(), table.held.copy(), table.columns
        if self.end in NEEDS_CODES and table.task != "regression":
            known = {c: i for i, c in enumerate(sorted(fitted[table.target].unique()))}
            fitted[table.target] = fitted[table.target].map(known)
            held[table.target] = held[table.target].map(known)
        if self.front in ("numbers", "module"):
            columns = Columns(columns.numbers, ())
        if self.front == "module":  # an array has no names
            names = {c: f"x{i}" for i, c in enumerate(columns.numbers)}
            fitted, held = fitted.rename(columns=names), held.rename(columns=names)
            columns = Columns(tuple(names.values()), ())
        if self.front == CATEGORIES:
            for part in (fitted, held):
                for name in columns.texts:
                    known = sorted(fitted[name].dropna().unique())
                    part[name] = pd.Categorical(part[name], categories=known)
        if self.front in FRONTS and "word" not in self.front and self.front != "characters":
            columns = Columns(columns.numbers, columns.texts)
        return Table(table.target, table.task, columns, fitted, held)

    def fit(self, table: Table) -> Any:
        """The fitted pipeline."""
        if self.front == "module":
            from convert_network import Network

            return Network(table)
        ends = NUMBERS if table.task == "regression" or self.is_alone else CLASSES
        end = ends[self.end]()
        columns = given(table.columns)
        if self.front == CATEGORIES:
            model = end
            if self.end == "catboost":
                end.set_params(cat_features=list(table.columns.texts))
        else:
            model = make_pipeline(FRONTS[self.front](table.columns), end)
        answers = None if self.is_alone else table.fitted[table.target]
        return model.fit(table.fitted[columns], answers)


def given(columns: Columns) -> list[str]:
    """The columns that a pipeline is given, in order."""
    return [*columns.numbers, *columns.texts, *columns.words]


@lru_cache(maxsize=2)
def loaded(name: str) -> Table:
    """The table `name`, its texts trimmed, its rows drawn, parted in those to fit on and those held out."""
    [entry] = clean_sets([], [name])
    frame = typed(entry).with_columns(pl.col(pl.String).str.strip_chars()).to_pandas()
    target = entry["target"]
    rng = np.random.default_rng(0)
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    size = min(MOST_FITTED, len(frame) * 2 // 3)
    fitted, held = frame[:size], frame[size : size + MOST_HELD].reset_index(drop=True)
    numbers, texts, words = [], [], []
    for column in fitted.columns.drop(target):
        values = fitted[column].dropna()
        if pd.api.types.is_numeric_dtype(values):
            numbers.append(column)
        elif values.str.len().mean() >= MANY_WORDS and values.nunique() > FEW:
            words.append(column)
        elif 1 < values.nunique() <= FEW:
            texts.append(column)
    if entry["task"] != "regression":  # a class too rare for three folds is nobody's example
        counts = fitted[target].value_counts()
        common = counts[counts >= 10].index
        fitted, held = fitted[fitted[target].isin(common)], held[held[target].isin(common)]
    fitted, held = (part.fillna(dict.fromkeys(words, "")) for part in (fitted, held))
    columns = Columns(tuple(numbers), tuple(texts), tuple(words))
    return Table(target, entry["task"], columns, fitted.reset_index(drop=True), held.reset_index(drop=True))


def _of(table: str, front: str, *ends: str) -> list[Case]:
    return [Case(table, front, end) for end in ends]


CASES: tuple[Case, ...] = (
    *_of("adult", "scaled", "logistic", "grid search", "sgd", "linear svm", "tree", "forest", "extra trees"),
    *_of("adult", "scaled", "adaboost", "bagging", "voting", "calibrated", "bernoulli bayes", "lightgbm"),
    *_of("adult", "dense", "linear discriminant", "naive bayes", "boosting", "histogram", "stacking"),
    *_of("adult", "dense", "neural", "neighbours", "svm labels", "centroid"),
    *_of("adult", "ordinal, gaps", "histogram", "lightgbm", "xgboost", "catboost"),
    *_of("adult", CATEGORIES, "histogram, categories", "lightgbm", "xgboost, categories"),
    *_of("telco_churn", "median, rare", "logistic", "boosting", "lightgbm", "svm"),
    *_of("telco_churn", "target", "logistic", "histogram", "xgboost", "catboost"),
    *_of("telco_churn", "own function", "logistic"),
    *_of("telco_churn", "own class", "logistic"),
    *_of("titanic", "products", "logistic"),
    *_of("titanic", "bins", "logistic"),
    *_of("titanic", "nearest", "forest"),
    *_of("titanic", "iterative", "logistic"),
    *_of("bank_marketing", "quantile", "logistic"),
    *_of("bank_marketing", "uniform", "linear svm"),
    *_of("bank_marketing", "power", "logistic"),
    *_of("bank_marketing", "spline", "logistic"),
    *_of("bank_marketing", "selected", "linear discriminant"),
    *_of("bank_marketing", "projected", "quadratic discriminant"),
    *_of("bank_marketing", "target", "extra trees"),
    *_of("heart_disease", "scaled", "logistic", "forest", "neighbours", "calibrated"),
    *_of("heart_disease", "dense", "histogram", "neural", "stacking"),
    *_of("heart_disease", "ordinal", "xgboost", "lightgbm", "catboost"),
    *_of("dry_bean", "numbers", "forest", "extra trees", "lightgbm", "xgboost", "catboost", "tree"),
    *_of("dry_bean", "scaled", "svm", "naive bayes", "voting"),
    *_of("dry_bean", "projected", "logistic"),
    *_of("dry_bean", "power", "linear discriminant"),
    *_of("letter_recognition", "scaled", "logistic", "neighbours"),
    *_of("letter_recognition", "numbers", "forest", "histogram"),
    *_of("penguins_raw", "scaled", "logistic", "boosting"),
    *_of("california_housing", "scaled", "linear", "ridge", "lasso", "huber", "tree", "forest"),
    *_of("california_housing", "scaled", "boosting"),
    *_of("california_housing", "dense", "histogram", "neighbours", "svm", "neural", "stacking"),
    *_of("california_housing", "dense", "kernel ridge"),
    *_of("california_housing", "scaled", "voting", "adaboost", "bagging", "clusters", "isolation forest"),
    *_of("california_housing", "ordinal", "lightgbm", "xgboost", "catboost"),
    *_of("california_housing", "products", "ridge by cross-validation"),
    *_of("california_housing", "spline", "ridge"),
    *_of("ames_housing", "scaled", "ridge", "logarithm of ridge"),
    *_of("ames_housing", "dense", "partial least squares"),
    *_of("ames_housing", "median, rare", "elastic net"),
    *_of("ames_housing", "target's mean", "lightgbm", "extra trees"),
    *_of("ames_housing", "ordinal", "logarithm of forest", "catboost"),
    *_of("insurance", "largest", "gamma", "tweedie"),
    *_of("insurance", "bins", "ridge"),
    *_of("insurance", "logarithm", "elastic net"),
    *_of("insurance", CATEGORIES, "catboost", "lightgbm", "xgboost, categories"),
    *_of("bike_sharing_hourly", "scaled", "poisson"),
    *_of("bike_sharing_hourly", "ordinal", "histogram", "xgboost"),
    *_of("bike_sharing_hourly", CATEGORIES, "histogram, categories"),
    *_of("sms_spam", "words", "logistic", "multinomial bayes", "linear svm"),
    *_of("sms_spam", "word pairs", "logistic"),
    *_of("sms_spam", "word topics", "forest"),
    *_of("sms_spam", "characters", "logistic"),
    *_of("sms_spam", "hashed words", "logistic"),
    *_of("ag_news_subset", "words", "sgd"),
    *_of("ag_news_subset", "word counts", "complement bayes"),
    *_of("womens_clothing_reviews", "words, columns", "logistic", "lightgbm"),
    *((Case("dry_bean", "module", "network"), Case("california_housing", "module", "network"))
      if importlib.util.find_spec("torch") else ()),
)  # fmt: skip
