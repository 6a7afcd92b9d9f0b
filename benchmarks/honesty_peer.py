"""What AutoGluon or FLAML promises of its model by its own validation, and what it reaches on other rows: run
by `honesty.py` in the tool's environment. Probabilities of the other rows are left in answers.npz.

python honesty_peer.py SYSTEM part.csv rest.csv TARGET TASK METRIC SECONDS SEED
"""

from __future__ import annotations

import json
import sys
import tempfile

import numpy as np
import pandas as pd
from sklearn import metrics

AUTOGLUON = {"rmse": "root_mean_squared_error"}
FLAML = {"average_precision": "ap"}


def main(
    system: str, part: str, rest: str, target: str, task: str, metric: str, seconds: str, seed: str
) -> None:
    known, fresh = pd.read_csv(part), pd.read_csv(rest)
    promised, answer, classes = {"autogluon": autogluon, "flaml": flaml}[system](
        known, target, task, metric, float(seconds), int(seed)
    )
    features, y = fresh.drop(columns=target), fresh[target]
    print(json.dumps({"promised": promised, "reached": reached(metric, y, answer(features), classes)}))


def autogluon(known, target, task, metric, seconds, seed):
    from autogluon.tabular import TabularPredictor

    folder = tempfile.mkdtemp()
    predictor = TabularPredictor(
        label=target, problem_type=task, eval_metric=AUTOGLUON.get(metric, metric), path=folder, verbosity=0
    ).fit(known, time_limit=seconds, presets="medium_quality")
    board = predictor.leaderboard(display=False).set_index("model")
    promised = float(board.loc[predictor.model_best, "score_val"])
    if task == "regression":
        return -promised, predictor.predict, None
    # Losses are told with a minus there; all metrics are turned so that more is better.
    promised = -promised if metric == "log_loss" else promised
    return promised, lambda rows: predictor.predict_proba(rows).to_numpy(), list(predictor.class_labels)


def flaml(known, target, task, metric, seconds, seed):
    from flaml import AutoML

    features = known.drop(columns=target)
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category")
    automl = AutoML()
    automl.fit(
        X_train=features, y_train=known[target], metric=FLAML.get(metric, metric), time_budget=seconds,
        seed=seed, task="regression" if task == "regression" else "classification", verbose=0,
    )  # fmt: skip
    loss = float(automl.best_loss)  # 1 less the metric, where more of it is better
    promised = loss if metric in ("rmse", "log_loss") else 1 - loss

    def answer(rows):
        rows = rows.copy()
        for name in rows.select_dtypes(exclude="number"):
            rows[name] = pd.Categorical(rows[name], categories=features[name].cat.categories)
        return automl.predict(rows) if task == "regression" else automl.predict_proba(rows)

    return promised, answer, None if task == "regression" else list(automl.classes_)


def reached(metric: str, y: pd.Series, answer: np.ndarray, classes: list | None) -> float:
    if metric == "rmse":
        return float(np.sqrt(np.mean((y.to_numpy() - np.asarray(answer)) ** 2)))
    codes = y.map({label: k for k, label in enumerate(classes)}).to_numpy()
    known = ~pd.isna(codes)
    codes, answer = codes[known].astype(int), answer[known]
    np.savez("answers.npz", probability=answer, codes=codes)
    if metric == "accuracy":
        return float(np.mean(answer.argmax(axis=1) == codes))
    if metric == "log_loss":
        return float(metrics.log_loss(codes, answer, labels=range(len(classes))))
    score = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}[metric]
    return float(score(codes, answer[:, 1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
