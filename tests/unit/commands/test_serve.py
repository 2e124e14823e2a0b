"""`livesim serve` before it listens: the token, the address, and what is not installed."""

from __future__ import annotations

import pytest

from livesim.commands import serve
from livesim.commands.serve import TOKEN_FILE, make_token, read_token, run_serve
from livesim.config.settings import SettingsError
from livesim_gui.browser import server

ENGINE = "tcp://127.0.0.1:9"


@pytest.fixture
def listened(tmp_path, monkeypatch):
    """What the server is told, instead of listening; the folder of keys is empty."""
    told = []
    monkeypatch.setattr(server, "serve", lambda *words: told.append(words))
    monkeypatch.setattr(serve, "default_keys", lambda: tmp_path)
    monkeypatch.setattr(serve.os, "nice", lambda _: None)
    return told


def run(listen="127.0.0.1:5680", token=None, trials=True):
    run_serve(ENGINE, listen, token, upload_mib=3, trials=trials)


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path, capsys):
    make_token(tmp_path / "keys")
    file = tmp_path / "keys" / TOKEN_FILE
    token = read_token(file)
    assert len(token) >= 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert token in capsys.readouterr().out
    make_token(tmp_path / "keys")
    assert token in capsys.readouterr().out, "another one would lock everybody out"


def test_this_machine_is_listened_to_without_a_token(listened, tmp_path):
    make_token(tmp_path)
    run()
    ((where, engine, trials),) = listened
    assert (where.host, where.token, engine) == ("127.0.0.1", None, ENGINE)
    assert trials.limits.upload.most_bytes == 3 << 20


def test_other_machines_come_in_with_the_token_of_the_folder_of_keys(listened, tmp_path):
    with pytest.raises(SettingsError, match="needs a token: `livesim keys --browser` makes one"):
        run("0.0.0.0:5680")
    make_token(tmp_path)
    run("0.0.0.0:5680", trials=False)
    ((where, _, trials),) = listened
    assert where.token == read_token(tmp_path / TOKEN_FILE)
    assert trials is None


def test_a_token_that_is_named_is_asked_for_here_as_well(listened, tmp_path):
    file = tmp_path / "mine"
    with pytest.raises(SettingsError, match="mine: expected a token"):
        run(token=file)
    file.write_text("short\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="at least 20 characters"):
        run(token=file)
    file.write_text("long enough, since it has more\n", encoding="utf-8")
    run(token=file)
    assert listened[0][0].token == "long enough, since it has more"


def test_what_is_not_installed_is_named_with_how(monkeypatch):
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(SettingsError, match=r"livesim serve needs uvicorn: .*pip install.*serve"):
        run()
