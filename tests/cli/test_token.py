"""Tokens from the command line: shown once, kept as a digest, refused for what they cannot be."""

import json
import stat
from pathlib import Path

import pytest

from mlwright.base.errors import Misuse
from mlwright.cli import main
from mlwright.lifecycle import issue_token


def test_a_token_stands_alone_on_its_line_and_only_its_digest_is_kept(tmp_path: Path, capsys) -> None:
    file = tmp_path / "tokens"
    assert main(["token", str(file), "--scope", "predict", "--days", "90"]) == 0
    token = capsys.readouterr().out.splitlines()[0]
    assert token.startswith("mlw_") and " " not in token
    assert token.rsplit("_", 1)[1] not in file.read_text()
    for kept in (file, file.with_name("tokens.key")):
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_json_gives_the_token_to_programs(tmp_path: Path, capsys) -> None:
    assert main(["token", str(tmp_path / "tokens"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["token"].startswith("mlw_") and told["scopes"] == ["predict"]


def test_a_scope_or_a_span_that_cannot_be_is_refused(tmp_path: Path, capsys) -> None:
    assert main(["token", str(tmp_path / "tokens"), "--scope", "root"]) == 2
    assert "predict, metrics, admin" in capsys.readouterr().err
    with pytest.raises(Misuse, match="cannot last -1 days"):
        issue_token(tmp_path / "tokens", days=-1)
    assert not (tmp_path / "tokens").exists()


def test_a_token_for_no_folder_says_how_to_make_it(mlwright, tmp_path):
    done = mlwright("token", str(tmp_path / "absent" / "tokens"))
    assert done.code == 3 and f"to do: mkdir -p {tmp_path / 'absent'}\n" in done.err
