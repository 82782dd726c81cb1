"""The keys of the settings file: what may be written there, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.store import Misconfigured
from tui.actions import ACTIONS, DEFAULT_KEYS, REBINDABLE, Keys
from tui.cli.main import main
from tui.config.context_file import Context
from tui.config.contexts import chosen
from tui.config.settings_file import SettingsFile, settings_file


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def write(environ: dict[str, str], text: str | bytes) -> Path:
    path = Path(environ["XDG_CONFIG_HOME"], "dyntop", "settings.toml")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(environ: dict[str, str]) -> SettingsFile:
    file = settings_file(environ)
    assert file is not None
    return file


def chosen_keys(environ: dict[str, str]) -> Keys:
    file = read(environ)
    assert file.wrong == ()
    return file.keys


def keys(environ: dict[str, str], lines: str) -> Keys:
    write(environ, f"[keys]\n{lines}\n")
    return chosen_keys(environ)


def complaint(environ: dict[str, str]) -> Misconfigured:
    """The first thing that is wrong; the action that it is about has its default key."""
    return read(environ).wrong[0]


def test_without_a_file_or_a_home_the_keys_are_those_of_the_table(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert chosen_keys(environ) == DEFAULT_KEYS
    (tmp_path / "dyntop").write_text("a file where the folder would be")
    assert chosen_keys(environ) == DEFAULT_KEYS
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert settings_file({"HOME": "relative"}) is None


def test_a_file_that_chooses_nothing_changes_nothing(environ: dict[str, str]) -> None:
    for text in ("", "# nothing\n", "[keys]\n"):
        write(environ, text)
        assert chosen_keys(environ) == DEFAULT_KEYS


def test_a_key_is_a_character_or_a_name_alone_or_in_a_list(environ: dict[str, str]) -> None:
    chosen = keys(
        environ,
        'drain = "D"\nprobe = ["P", "f5"]\nundo = "Ctrl+D"\ndeath-earlier = "ctrl+y"\nsort = ","',
    )
    assert chosen.of("drain") == ("D",)
    assert chosen.of("probe") == ("P", "f5")
    assert chosen.of("undo") == ("ctrl+d",)
    assert chosen.of("sort") == (",",)
    assert chosen.of("filter") == ("/",)


def test_unregister_goes_with_drain(environ: dict[str, str]) -> None:
    assert keys(environ, 'drain = "D"').of("unregister") == ("D",)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("esc", "escape"),
        ("shift+d", "D"),
        ("shift+f5", "shift+f5"),
        ("PgUp", "pageup"),
        ("Alt+X", "alt+x"),
        (" ", "space"),
        ("é", "é"),
    ],
)
def test_a_key_may_be_written_as_people_do(written: str, key: str, environ: dict[str, str]) -> None:
    # `probe` is nowhere that Esc, PgUp or space would be taken, once their own actions moved.
    free = '\nmark = "f9"\npage-up = "f10"' if key in ("space", "pageup") else ""
    if key == "escape":
        write(environ, f'[keys]\nprobe = "{written}"')
        assert "Esc is the key of step-out" in complaint(environ).problem
    else:
        assert keys(environ, f'probe = "{written}"{free}').of("probe") == (key,)


def test_two_actions_may_change_their_keys_with_each_other(environ: dict[str, str]) -> None:
    chosen = keys(environ, 'drain = "p"\nprobe = "d"')
    assert (chosen.of("drain"), chosen.of("probe")) == (("p",), ("d",))


def test_a_key_may_be_that_of_an_action_on_another_screen(environ: dict[str, str]) -> None:
    assert keys(environ, 'tree = "r"').of("tree") == ("r",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('drian = "D"', "'drian' is no action: did you mean drain"),
        ('zzzz = "D"', f"'zzzz' is no action: there are {', '.join(REBINDABLE)}"),
        ('yes = "y"', "yes keeps its keys"),
        ('unregister = "D"', "unregister has the keys of drain"),
        ('drain = "x"', "x is the key of gone: choose another, or give gone another"),
        ('undo = "d"', "d is the key of drain: choose another, or give drain another"),
        ('help = "Y"', "Y is the key of copy-json: choose another, or give copy-json another"),
        ('copy-json = "z"\nhelp = "Y"', "Y is the key of yes: choose another"),
        ('drain = "ctrl+c"', "Ctrl+C is the key of quit-now: choose another"),
        ('drain = "zz"', "'zz' is no key: write a character, or a name such as f5 or ctrl+d"),
        ('drain = ""', "'' is no key: write a character, or a name such as f5 or ctrl+d"),
        ('drain = "ctrl+"', "'ctrl+' is no key: write a character, or a name such as f5 or ctrl+d"),
        (
            'drain = "\\u0007"',
            "'\\x07' is no key: write a character, or a name such as f5 or ctrl+d",
        ),
        ('drain = "ctrl+i"', "a terminal sends Ctrl+I as Tab: choose another"),
        ("drain = 4", "drain must be a key in quotes, or a list of them"),
        ('drain = ["D", 4]', "drain must be a key in quotes, or a list of them"),
        ("drain = []", "drain has no key: name one, or leave the line out"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_with_the_line(
    line: str, said: str, environ: dict[str, str]
) -> None:
    path = write(environ, f"# drain and undo\n\n[keys]\n{line}\n")
    error = complaint(environ)
    at = 4 + line.count("\n")
    assert (error.setting, error.problem) == (f"{path}, line {at}", said)


def test_two_lines_with_one_key_are_refused(environ: dict[str, str]) -> None:
    write(environ, '[keys]\ndrain = "z"\nundo = "z"\n')
    assert complaint(environ).problem == (
        "z is the key of undo: choose another, or give undo another"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[keys", "is not TOML"),
        (b"\xef\xbb\xbfversion = 1\n", "begins with a byte order mark: save it as UTF-8 without"),
        (b'[keys]\ndrain = "\xff"\n', "is not UTF-8 at line 2"),
        (b"[key]\n", "'key' is no setting: did you mean keys"),
        (
            b'drain = "D"\n',
            "'drain' is no setting: there are version, dashboard, columns, keys, contexts",
        ),
        (b"keys = 4\n", "keys must be a table: write [keys]"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_with_the_reason(
    text: bytes, said: str, environ: dict[str, str]
) -> None:
    path = write(environ, text)
    error = complaint(environ)
    assert f"{error.setting}: {error.problem}".count(str(path)) == 1
    assert said in error.problem


def test_a_file_that_cannot_be_read_is_said_with_the_reason(environ: dict[str, str]) -> None:
    write(environ, "").unlink()
    Path(environ["XDG_CONFIG_HOME"], "dyntop", "settings.toml").mkdir()
    assert "cannot be read (Is a directory)" in complaint(environ).problem


def test_a_context_may_still_be_called_keys(environ: dict[str, str]) -> None:
    keys(environ, 'drain = "D"')
    contexts = Path(environ["XDG_CONFIG_HOME"], "dyntop", "contexts.toml")
    contexts.write_text('[keys]\nnamespace = "p"\n')
    assert chosen(environ, "keys") == Context(name="keys", source="--context", namespace="p")
    assert chosen_keys(environ).of("drain") == ("D",)


def test_every_action_that_may_be_rebound_takes_a_free_key(environ: dict[str, str]) -> None:
    for action in REBINDABLE:
        assert keys(environ, f'{action} = "f12"').of(action) == ("f12",)


def test_what_is_wrong_leaves_all_other_keys_as_they_were_chosen(environ: dict[str, str]) -> None:
    write(environ, '[keys]\ntree = "z"\ndrian = "D"\nundo = 4\ndrain = "z"\nprobe = "P"\n')
    file = read(environ)
    assert len(file.wrong) == 4
    assert file.keys.chosen == {"probe": ("P",)}


def test_an_action_with_its_default_key_again_has_it_alone(environ: dict[str, str]) -> None:
    """Else one key would remove and probe."""
    write(environ, '[keys]\nprobe = "zz"\ndrain = "p"\nsort = "d"\n')
    file = read(environ)
    assert [one.problem for one in file.wrong] == [
        "'zz' is no key: write a character, or a name such as f5 or ctrl+d",
        "p is the key of probe: choose another, or give probe another",
        "d is the key of drain: choose another, or give drain another",
    ]
    assert file.keys == DEFAULT_KEYS


def test_commands_do_not_ask_for_keys(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(environ, '[keys]\ndrian = "D"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", environ["XDG_CONFIG_HOME"])
    assert main(["--demo", "list", "all", "-o", "name"]) == 0
    assert capsys.readouterr().err == ""


def test_no_key_of_the_table_has_two_meanings_on_one_screen() -> None:
    taken = [
        (action.id, key, other.id)
        for action in ACTIONS
        for key in action.keys
        if (other := DEFAULT_KEYS.taken(action.id, key)) is not None
    ]
    assert taken == []
