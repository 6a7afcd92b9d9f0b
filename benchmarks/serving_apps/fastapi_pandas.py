"""FastAPI in front of pandas and a scikit-learn pipeline: the service most often written by hand."""

import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from fastapi import FastAPI
from row import Answer, Row

app = FastAPI()
pipeline = joblib.load(Path(os.environ["BENCHMARK_FOLDER"]) / "pipeline.joblib")


@app.post("/predict")
async def predict(row: Row) -> Answer:
    cells = row.model_dump(by_alias=True)
    frame = pd.DataFrame([{n: np.nan if v is None else v for n, v in cells.items()}])  # None is not missing
    return Answer(probability=float(pipeline.predict_proba(frame)[0, 1]))
