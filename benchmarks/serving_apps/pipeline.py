"""Fits the scikit-learn pipeline that peers serve: imputed, encoded, 200 trees of 31 leaves.

    python pipeline.py TRAIN.parquet joblib|mlflow

writes `pipeline.joblib`, or the folder `pipeline.mlflow`, into the folder that BENCHMARK_FOLDER names. Each
environment fits its own: a pickle is only good for the versions that wrote it.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

TRUSTED = [
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
]
"""What MLflow must be told that it may load from its own folder."""


def fitted(train: pd.DataFrame, columns: dict) -> Pipeline:
    """The pipeline, fitted to know the positive class."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    prepared = ColumnTransformer(
        [("numbers", SimpleImputer(), columns["numbers"]), ("strings", texts, columns["strings"])]
    )
    model = LGBMClassifier(
        n_estimators=200, num_leaves=31, n_jobs=1, verbose=-1
    )  # it heeds no OMP_NUM_THREADS
    pipeline = Pipeline([("prepared", prepared), ("model", model)])
    return pipeline.fit(train[columns["all"]], train[columns["target"]] == columns["positive"])


def main(path: str, how: str) -> None:
    folder = Path(os.environ["BENCHMARK_FOLDER"])
    columns = json.loads((folder / "columns.json").read_text())
    train = pd.read_parquet(path)
    strings = columns["strings"]
    train[strings] = (
        train[strings].astype(object).where(train[strings].notna(), np.nan)
    )  # None is not missing
    pipeline = fitted(train, columns)
    if how == "joblib":
        import joblib

        joblib.dump(pipeline, folder / "pipeline.joblib")
        return
    import mlflow

    rows = train[columns["all"]]
    signature = mlflow.models.infer_signature(rows, pipeline.predict_proba(rows[:5]))
    shutil.rmtree(folder / "pipeline.mlflow", ignore_errors=True)
    mlflow.sklearn.save_model(
        pipeline,
        folder / "pipeline.mlflow",
        signature=signature,
        pyfunc_predict_fn="predict_proba",
        skops_trusted_types=TRUSTED,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
