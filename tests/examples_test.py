"""The examples, run as far as they can be without their services: real bash, a real remote, scripted coders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import PROGRAM, Repo, make_repo
from tests.forges.server import ForgeServer
from tests.forges.state import NAME, OWNER, TOKEN, Issue

EXAMPLES = PROGRAM.parent / "examples"
COMPLETION = PROGRAM.parent / "commands/_completion/refactory.bash"
SCRIPTS = [EXAMPLES / "pipeline.sh", PROGRAM.parent / ".ci/run", COMPLETION]
TASKS = (EXAMPLES / "tour/tasks.md").read_text(encoding="utf-8")
CONFIG = "version: 1\ncoder:\n  backend: scripted\n  answers: answers\nbudgets:\n  attempts: 1\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A clone of a bare origin, with the tour's files; `refactory` is installed, what installs has nothing to do."""
    ours = f'exec "{sys.executable}" "{PROGRAM}" "$@"'
    for name, program in {"refactory": ours, "pip": "exit 0", "sudo": "exit 0"}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    repo = make_repo(tmp_path / "project")
    shutil.copytree(EXAMPLES / "tour", repo.path, dirs_exist_ok=True)
    repo.write({".refactory/config.yaml": CONFIG})
    repo.git("add", ".")
    repo.git("commit", "-qm", "start")
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    repo.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    return repo


def bash(repo: Repo, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv, env = ["bash", "-e", "-c", script], {**os.environ, **env}
    return subprocess.run(argv, cwd=repo.path, env=env, capture_output=True, text=True, check=False)


def pipeline(repo: Repo, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EXAMPLES / "pipeline.sh", *args], cwd=repo.path, capture_output=True, text=True, check=False
    )


def load(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


def check_pushed(repo: Repo, at: Path | None = None) -> None:
    """The work is a branch of its own at the remote, the records are on main there."""
    origin = Repo(at or repo.path.parent / "origin.git")
    (branch,) = origin.git("for-each-ref", "--format=%(refname)", "refs/heads/refactory/plans").split()
    files = origin.git("ls-tree", "-r", "--name-only", branch).split()
    assert {"median.py", "spread.py"} <= set(files)
    records = origin.git("ls-tree", "-r", "--name-only", "main", ".refactory/")
    assert [records.count(f".refactory/{kind}/") for kind in ("requests", "tasks", "launches")] == [1, 2, 1]
    assert repo.git("status", "--porcelain") == ""


def test_the_shell_script(project: Repo) -> None:
    done = pipeline(project, "More statistics", "tasks.md")
    assert (done.returncode, done.stdout) == (0, "done: More statistics\n"), done.stderr
    assert {"median.py", "spread.py"} <= set(project.git("ls-tree", "--name-only", "main").split())
    assert project.git("log", "-1", "--format=%s") == "Records: More statistics"
    assert project.git("status", "--porcelain") == "?? result.json"


@pytest.mark.slow
def test_the_shell_script_of_a_partial_outcome(project: Repo) -> None:
    shutil.rmtree(project.path / "answers/add-spread")
    done = pipeline(project, "More statistics", "tasks.md")
    assert done.returncode == 7, done.stderr
    assert "some tasks landed" in done.stderr
    assert project.git("log", "-1", "--format=%s") == "Records: More statistics"


def test_the_shell_script_of_a_failure(project: Repo) -> None:
    assert pipeline(project).returncode == 1
    done = pipeline(project, "Nobody can do this")
    assert done.returncode == 1
    assert "the work failed" in done.stderr
    assert project.git("log", "-1", "--format=%s") == "Records: Nobody can do this"


@pytest.mark.slow
@pytest.mark.parametrize("issue", [False, True])
def test_the_github_workflow(project: Repo, issue: bool, tmp_path: Path) -> None:
    """Its `run` steps in order, each in a shell of its own, with what GitHub would put in for the expressions."""
    with ForgeServer("github", tmp_path / "forge") as forge:
        forge.state.repository = tmp_path / "origin.git"
        forge.state.issues[70] = Issue(70, "More statistics", TASKS)
        settings = f"forge:\n  kind: github\n  url: {forge.url}\n  repository: {OWNER}/{NAME}\n"
        project.write({".refactory/config.yaml": CONFIG + settings})
        github_workflow(project, {"inputs.issue": "70"} if issue else {"inputs.title": "More statistics"})
        assert [pull.title for pull in forge.state.pulls] == ["More statistics"]
        assert len(forge.state.issues[70].comments) == issue


def github_workflow(project: Repo, inputs: dict[str, str]) -> None:
    workflow = load("github-actions.yml")
    assert set(workflow) >= {"name", "jobs", "permissions"} and True in workflow, (
        "`on` is a boolean to YAML 1.1"
    )
    job = workflow["jobs"]["run"]
    given = {"secrets.OPENAI_API_KEY": "", "github.token": TOKEN, "inputs.title": "", "inputs.issue": ""}
    given |= {"inputs.description": TASKS, **inputs}
    temp = project.path.parent
    runner = {"RUNNER_TEMP": str(temp), "GITHUB_STEP_SUMMARY": str(temp / "summary.md")}
    env = {name: expanded(value, given) for name, value in job["env"].items()} | runner
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        if "run" in step:
            assert "${{" not in step["run"], "an expression in a script is an injection"
            done = bash(project, step["run"], **env)
            assert done.returncode == 0, f"{step}: {done.stderr}"
    check_pushed(project)
    (logs,) = [step["with"]["path"] for step in job["steps"] if step.get("if") == "failure()"]
    assert (project.path / logs).is_dir()
    assert "More statistics" in (temp / "summary.md").read_text()
    assert "More statistics" in (temp / "refactory.html").read_text()


def expanded(text: str, given: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda match: given[match[1]], text)


@pytest.mark.slow
def test_the_gitlab_job(project: Repo, tmp_path: Path) -> None:
    """before_script and script in one shell, after_script in another, as the runner does; the token stays a secret."""
    job = load("gitlab-ci.yml")["refactory"]
    project.git("checkout", "-q", "--detach")
    said = ""
    with ForgeServer("gitlab", tmp_path / "forge", tmp_path / "origin.git") as forge:
        env = {"TITLE": "More statistics", "CI_COMMIT_REF_NAME": "main", "PUSH_TOKEN": TOKEN,
               "CI_SERVER_URL": forge.url,
               "CI_PROJECT_PATH": f"{OWNER}/{NAME}", **job["variables"], "DESCRIPTION": TASKS}  # fmt: skip
        for script in (job["before_script"] + job["script"], job["after_script"]):
            done = bash(project, "\n".join(script), **env)
            assert done.returncode == 0, done.stderr
            said += done.stdout + done.stderr
        check_pushed(project, tmp_path / "forge" / OWNER / f"{NAME}.git")
    kept = (path for path in project.path.rglob("*") if path.is_file())
    assert TOKEN not in said
    assert [path for path in kept if TOKEN.encode() in path.read_bytes()] == []
    assert (project.path / job["artifacts"]["paths"][0]).is_dir()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_sound(script: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "--shell=bash", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
