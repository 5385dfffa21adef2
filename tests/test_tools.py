"""Running programs: what a child sees, how long it may take, how much it may say."""

import io
import os
import sys
import time
from pathlib import Path

import pytest

from agent.domain import File
from agent.errors import ToolError
from agent.tools import CLOUD_VARIABLES, Tools, allowed, clean_copy, write_files

PYTHON = sys.executable


def tools(**more: str) -> Tools:
    return Tools(environment={"PATH": os.environ["PATH"], **more})


def test_a_child_sees_the_allow_list_and_nothing_else(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "SECRET_CANARY": "x",
        "AWS_REGION": "eu-west-1",
        "AWS_CA_BUNDLE": "/x",
        "LANG": "",
    }
    made = Tools(environment=allowed(environ, names=CLOUD_VARIABLES))
    done = made.run([PYTHON, "-c", "import os; print(sorted(os.environ))"], cwd=tmp_path, timeout=20)
    assert "SECRET_CANARY" not in done.stdout
    assert "AWS_CA_BUNDLE" not in done.stdout
    assert "AWS_REGION" in done.stdout
    assert "'LANG'" not in done.stdout


def test_a_child_has_no_standard_input(tmp_path: Path) -> None:
    done = tools().run([PYTHON, "-c", "import sys; print(repr(sys.stdin.read()))"], cwd=tmp_path, timeout=20)
    assert done.stdout == "''\n"


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "pathlib.Path('pid').write_text(str(child.pid)); time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(ToolError, match="no end after 2 s"):
        tools().run([PYTHON, "-c", script], cwd=tmp_path, timeout=2)
    assert time.monotonic() - started < 10
    pid = int((tmp_path / "pid").read_text())
    for _ in range(50):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().split()[2] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the grandchild is still running")


def test_a_program_that_floods_is_ended(tmp_path: Path) -> None:
    made = Tools(environment={"PATH": os.environ["PATH"]}, max_output=10_000)
    with pytest.raises(ToolError, match="printed over 10000 bytes"):
        made.run([PYTHON, "-c", "while True: print('x' * 1000)"], cwd=tmp_path, timeout=20)


def test_a_daemon_that_keeps_the_pipe_open_does_not_hold_us(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)']); print('done')"
    )
    started = time.monotonic()
    assert tools().run([PYTHON, "-c", script], cwd=tmp_path, timeout=25).stdout == "done\n"
    assert time.monotonic() - started < 10


def test_codes_and_missing_programs_are_errors_with_their_log(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="ended with code 3") as failed:
        tools().run([PYTHON, "-c", "print('why'); raise SystemExit(3)"], cwd=tmp_path, timeout=20)
    assert "why" in failed.value.log
    assert tools().run([PYTHON, "-c", "raise SystemExit(3)"], cwd=tmp_path, timeout=20, ok=(3,)).code == 3
    with pytest.raises(ToolError, match="no-such-program: cannot be started"):
        tools().run(["no-such-program"], cwd=tmp_path, timeout=5)


def test_what_is_run_is_logged(tmp_path: Path) -> None:
    log = io.StringIO()
    Tools(environment={"PATH": os.environ["PATH"]}, log=log).run([PYTHON, "-c", "pass"], cwd=tmp_path, timeout=20)
    assert log.getvalue() == f"$ {PYTHON} -c pass\n"


def test_a_clean_copy_holds_exactly_the_files() -> None:
    files = [File(path="infra/a/main.tf", content="ä\r\n"), File(path="infra/a/gone.tf", content=None)]
    with clean_copy(files) as root:
        assert [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()] == ["infra/a/main.tf"]
        assert (root / "infra/a/main.tf").read_bytes() == "ä\r\n".encode()
    assert not root.exists()


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ""])
def test_a_path_that_leaves_is_never_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="not a path below the root"):
        write_files(tmp_path, [File(path=path, content="x")])


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match="goes through a link"):
        write_files(root, [File(path="link/x", content="x")])
    assert list((tmp_path / "outside").iterdir()) == []
