"""FastAPI and pydantic in front of ONNX Runtime: the fast service by hand.

The route is a coroutine, as FastAPI advises for what waits for nothing else: no thread is paid for.
"""

from fastapi import FastAPI
from row import Answer, Row

from graph import Graph

app, graph = FastAPI(), Graph()


@app.post("/predict")
async def predict(row: Row) -> Answer:
    return Answer(probability=graph.probability(row.model_dump(by_alias=True)))
