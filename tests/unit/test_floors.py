"""The house stands: imports point down, rooms of one floor do not meet, and nothing that decides touches the world."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from deid_stream.config import Settings
from deid_stream.control.topics import ControlTopics
from deid_stream.model.topics import TOPICS
from deid_stream.wire.limits import DEFAULT_VOCABULARIES

SRC = Path(__file__).parents[2] / "src" / "deid_stream"

FLOORS = {
    "errors": 0,
    "units": 0,
    "model": 1,
    "text": 2,
    "words": 2,
    "audio": 2,
    "redact": 2,
    "keys": 2,
    "detect": 3,
    "policy": 3,
    "wire": 3,
    "session": 4,
    "observe": 5,
    "datasets": 7,
    "config": 5,
    "files": 5,
    "runtime": 5,
    "kafka": 6,
    "custody": 6,
    "live": 7,
    "produce": 7,
    "worker": 7,
    "control": 7,
    "dashboard": 7,
    "spotcheck": 7,
    "__main__": 8,
    "adapters": 8,
    "bridge": 8,
    "cli": 8,
    "commands": 8,
    "demo": 8,
}
SHARED = {"text", "words", "files"}
"""Names and helpers that the other rooms of their floor may use."""
OUTSIDE = {"aiokafka", "asyncio", "faust", "logging", "random", "secrets", "socket", "threading", "time", "uuid"}
"""What floors 0 to 4 never import."""
PURE_UP_TO = 4
TOP = 8

MODULES = sorted(path for path in SRC.rglob("*.py") if path.parent != SRC or path.stem != "__init__")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path):
    """Every node of a module, walked once."""
    return tuple(ast.walk(tree_of(path)))


def name_of(path):
    return ".".join(("deid_stream", *path.relative_to(SRC).with_suffix("").parts)).removesuffix(".__init__")


MODULE_NAMES = {name_of(path) for path in MODULES}


def room_of(path):
    top = path.relative_to(SRC).parts[0]
    return top.removesuffix(".py")


@cache
def imports(path):
    """Every module that an import statement names, wherever it stands in the file."""
    return tuple(imported(nodes_of(path)))


def by_room(modules):
    """The modules, one case a room: a case a module is two thousand, each collected by every process of a run."""
    rooms = {}
    for path in modules:
        rooms.setdefault(room_of(path), []).append(path)
    return pytest.mark.parametrize("paths", rooms.values(), ids=rooms)


def imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_used(names):
    for name in names:
        parts = name.split(".")
        if parts[0] == "deid_stream" and len(parts) > 1 and parts[1] != "__version__":
            yield parts[1]


@by_room(MODULES)
def test_imports_point_down(paths):
    for path in paths:
        room = room_of(path)
        for used in set(rooms_used(imports(path))) - {room}:
            floor, below = FLOORS[room], FLOORS.get(used, TOP + 1)
            # the top floor is one program: its rooms know each other
            assert below < floor or (below == floor and used in SHARED) or floor == TOP, f"{path} uses {used}"


@by_room([path for path in MODULES if FLOORS.get(room_of(path), PURE_UP_TO) <= PURE_UP_TO])
def test_what_decides_touches_no_world(paths):
    for path in paths:
        assert not {name.split(".")[0] for name in imports(path)} & OUTSIDE, path
        environment = [
            node
            for node in nodes_of(path)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and (node.value.id, node.attr)
            in {("os", "environ"), ("os", "getenv"), ("os", "urandom"), ("datetime", "now"), ("date", "today")}
        ]
        assert not environment, f"{path}: the environment, the clock and randomness are arguments"


def test_the_check_finds_what_it_looks_for():
    tree = ast.parse("import asyncio\ndef f():\n    from deid_stream.worker import pump\n    import time as t")
    names = list(imported(ast.walk(tree)))
    assert set(rooms_used(names)) == {"worker"}
    assert {name.split(".")[0] for name in names} & OUTSIDE == {"asyncio", "time"}


CLIENTS = {"aiokafka", "confluent_kafka"}


@by_room(MODULES)
def test_only_the_clients_room_imports_a_kafka_client(paths):
    for path in paths:
        used = {name.split(".")[0] for name in imports(path)} & CLIENTS
        assert not used or path.is_relative_to(SRC / "kafka" / "clients"), path


@by_room(MODULES)
def test_only_one_module_imports_faust(paths):
    for path in paths:
        used = {name.split(".")[0] for name in imports(path)}
        assert ("faust" in used) == (path == SRC / "control" / "app.py"), path


def test_the_clients_room_does_import_them():
    found = {name.split(".")[0] for path in (SRC / "kafka" / "clients").rglob("*.py") for name in imports(path)}
    assert "aiokafka" in found


def shown_tree():
    """The paths that the tree in docs/architecture.md shows."""
    text = (SRC.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = text.partition("    src/deid_stream/\n")[2].partition("\n\n")[0].splitlines()
    parents: list[str] = []
    for line in lines:
        depth = (len(line) - len(line.lstrip()) - 6) // 2
        name = line.split()[0]
        parents = [*parents[:depth], name.removesuffix("/")]
        yield "/".join(parents)


def test_the_architecture_page_shows_the_tree_as_it_is():
    packages = {path.parent.relative_to(SRC).as_posix() for path in SRC.rglob("__init__.py")} - {"."}
    modules = {path.name for path in SRC.glob("*.py")}
    assert sorted(shown_tree()) == sorted(packages | modules)


def test_the_modules_that_the_architecture_page_names_are_there():
    text = (SRC.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_*]+)*/[a-z_*]+\.py)`", text))
    assert len(named) > 20
    assert sorted(name for name in named if not list(SRC.glob(name)) and not (SRC.parents[1] / name).exists()) == []


def test_every_room_has_a_floor():
    assert {room_of(path) for path in MODULES} <= FLOORS.keys()


MAX_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS, MAX_ANY = 400, 60, 8, 40


def functions(path):
    return (node for node in nodes_of(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@by_room(MODULES)
def test_a_module_and_its_functions_fit_the_eye(paths):
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= MAX_LINES, path
        for function in functions(path):
            assert function.end_lineno - function.lineno < MAX_FUNCTION_LINES, f"{path}: {function.name}"
            if function.name == "__init__":
                parameters = [*function.args.args, *function.args.kwonlyargs]
                assert len(parameters) - 1 <= MAX_PARAMETERS, f"{path}:{function.lineno}"


def test_any_is_rare():
    used = sum(isinstance(node, ast.Name) and node.id == "Any" for path in MODULES for node in nodes_of(path))
    assert used <= MAX_ANY


def test_no_module_leads_back_to_itself():
    used = {}
    for path in MODULES:
        name = name_of(path)
        tree = tree_of(path)
        used[name] = {
            node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module in MODULE_NAMES
        } - {name}
    for start in used:
        seen, left = set(), [*used[start]]
        while left:
            name = left.pop()
            if name not in seen:
                seen.add(name)
                left += used.get(name, ())
        assert start not in seen, f"an import circle through {start}"


@cache
def written(node):
    return ast.unparse(node)


def read_of(owner, *, outside):
    """Attributes that some module reads of something called ``owner`` ("settings.region", "self._settings.region");
    the modules ``outside`` do not count."""
    return {
        node.attr
        for path in MODULES
        if path.relative_to(SRC).as_posix() not in outside
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and re.search(rf"\b_?{owner}(\(.*\))?$", written(node.value))
    }


LISTED_SETTINGS = {"directions", "regions", "queues", "dispositions"}
"""Read by name: ``limits`` makes them from the closed lists of the wire."""


def test_every_setting_is_read_by_something():
    elsewhere = read_of("settings", outside={"config.py"})
    own = read_of("self", outside={p.relative_to(SRC).as_posix() for p in MODULES} - {"config.py"})
    assert {f"{name}s" for name in DEFAULT_VOCABULARIES} == LISTED_SETTINGS
    assert {"limits", "key_ring", "secret_sasl_password", "secret_dashboard_token"} <= elsewhere
    own -= {"bootstrap_servers"}  # its repr
    assert set(Settings.__struct_fields__) - elsewhere - LISTED_SETTINGS - own == set()


def test_every_topic_of_the_contract_has_a_reader_or_a_writer():
    used = read_of("names", outside={"model/topics.py", "kafka/topics_admin.py"})
    constants = {
        name.split(".")[-1].lower()
        for path in MODULES
        for name in imports(path)
        if name.startswith("deid_stream.model.topics.")
    }
    used |= set(ControlTopics.__struct_fields__) & read_of("topics", outside={"control/topics.py"})
    assert {topic.kind for topic in TOPICS} - used - constants == set()
