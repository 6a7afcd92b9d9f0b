"""A small network of PyTorch on columns of numbers, asked as the pipelines are. Needs torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from convert_cases import Table, given

import mlwright as mw

STEPS, BATCH, RATE = 400, 256, 3e-3


class Scaled(torch.nn.Module):
    """Missing numbers filled, all scaled, two hidden layers: what a notebook's network does."""

    def __init__(self, middle: npt.NDArray[Any], spread: npt.NDArray[Any], outputs: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.tensor(middle, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32))
        layers = [torch.nn.Linear(len(middle), 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(32, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        filled = torch.where(torch.isnan(x), self.middle, x)
        return self.layers((filled - self.middle) / self.spread)


class Network:
    """A fitted module with the verbs of an estimator."""

    def __init__(self, table: Table) -> None:
        torch.manual_seed(0)
        rows = self._rows(table.fitted[given(table.columns)])
        answer = table.fitted[table.target].to_numpy()
        self.is_number = table.task == "regression"
        self.classes_ = np.empty(0) if self.is_number else np.unique(answer)
        middle, spread = np.nanmedian(rows, axis=0), np.nanstd(rows, axis=0) + 1e-6
        self.module = Scaled(middle, spread, 1 if self.is_number else len(self.classes_))
        self._fit(torch.tensor(rows), answer)

    def _fit(self, rows: torch.Tensor, answer: npt.NDArray[Any]) -> None:
        size = float(np.abs(answer).mean()) if self.is_number else 1.0
        y = torch.tensor(answer / size, dtype=torch.float32 if self.is_number else torch.long)
        loss = torch.nn.MSELoss() if self.is_number else torch.nn.CrossEntropyLoss()
        steps = torch.optim.Adam(self.module.parameters(), RATE)
        for _ in range(STEPS):
            some = torch.randint(len(rows), (BATCH,))
            said = self.module(rows[some])
            steps.zero_grad()
            loss(said[:, 0] if self.is_number else said, y[some]).backward()
            steps.step()
        if self.is_number:  # answers in the target's own size
            with torch.no_grad():
                self.module.layers[-1].weight *= size
                self.module.layers[-1].bias *= size
        self.module.eval()

    @staticmethod
    def _rows(frame: pd.DataFrame) -> npt.NDArray[np.float32]:
        return frame.to_numpy(dtype=np.float32)

    def _said(self, frame: pd.DataFrame) -> torch.Tensor:
        with torch.no_grad():
            return self.module(torch.tensor(self._rows(frame)))

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        said = self._said(frame)
        return said[:, 0].numpy() if self.is_number else self.classes_[said.argmax(dim=1).numpy()]

    def predict_proba(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        return torch.softmax(self._said(frame).double(), dim=1).numpy()

    def converted(self, example: pd.DataFrame, target: str, data: pd.DataFrame | None) -> mw.Model:
        """The module as a model."""
        asked = {"answers": "numbers"} if self.is_number else {"answers": "logits", "classes": self.classes_}
        return mw.convert(self.module, example=self._rows(example), target=target, data=data, **asked)
