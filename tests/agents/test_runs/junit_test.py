from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.test_runs.junit import MAX_BYTES, MAX_FAILURES, MAX_MESSAGES, Counts, Failure, read

REPORT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="s" tests="5" failures="1" errors="1" skipped="1">
<properties><property name="error" value="x"/></properties>
<testcase classname="a.B" name="good"><system-out>failure error</system-out></testcase>
<testcase classname="a.B" name="bad"><failure message="1 != 2">trace &amp; more</failure></testcase>
<testcase file="c.py" name="broken"><error message="boom"/></testcase>
<testcase name="left"><skipped/></testcase>
<testcase name="again"><flakyFailure message="x"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "junit.xml"


def counts(path: Path, text: str) -> Counts:
    path.write_text(text)
    found = read(path)
    assert found
    return found


def test_counts_names_and_messages(report: Path) -> None:
    failures = (Failure("a.B::bad", "1 != 2\ntrace & more"), Failure("c.py::broken", "boom"))
    assert counts(report, REPORT) == Counts(2, 1, 1, 1, failures)


def test_success_needs_a_passed_test(report: Path) -> None:
    assert counts(report, "<testsuite><testcase name='a'/></testsuite>").succeeded
    assert not counts(report, "<testsuite/>").succeeded
    assert not counts(report, "<testsuite><testcase name='a'><skipped/></testcase></testsuite>").succeeded
    assert not counts(report, REPORT).succeeded


def test_absent_is_not_unreadable(report: Path) -> None:
    assert read(report) is None
    assert read(report.parent) is None
    for text in ("", "<testsuite>", "no xml", "<html/>"):
        found = counts(report, text)
        assert len(found.unreadable) == 1
        assert "junit.xml: " in found.unreadable[0]


def test_a_folder_is_the_sum_of_its_reports(report: Path) -> None:
    (report.parent / "deep").mkdir()
    (report.parent / "deep" / "TEST-x.XML").write_text("<testsuite><testcase name='a'/></testsuite>")
    (report.parent / "coverage.xml").write_text("<coverage/>")
    (report.parent / "notes.txt").write_text("<testsuite>")
    report.write_text(REPORT)
    found = read(report.parent)
    assert found
    assert (found.passed, found.failed, found.errors, found.skipped) == (3, 1, 1, 1)
    (report.parent / "torn.xml").write_text("<testsuite>")
    torn = read(report.parent)
    assert torn
    assert (torn.passed, len(torn.unreadable)) == (3, 1)


def test_what_the_suite_states_beyond_its_cases_counts(report: Path) -> None:
    found = counts(report, "<testsuite failures='1' errors='2'><testcase name='a'/></testsuite>")
    assert (found.passed, found.errors) == (1, 3)
    nested = "<testsuites errors='1'><testsuite errors='1'><testcase name='a'/></testsuite></testsuites>"
    assert counts(report, nested).errors == 1


def test_an_error_outside_a_test_counts(report: Path) -> None:
    found = counts(report, "<testsuite><error message='no import'/><testcase name='a'/></testsuite>")
    assert (found.passed, found.errors) == (1, 1)
    assert found.failures == (Failure("(outside a test)", "no import"),)


def test_a_test_not_run_is_skipped(report: Path) -> None:
    assert counts(report, "<testsuite><testcase name='a' status='notrun'/></testsuite>").skipped == 1


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""
OUTSIDE = """<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite><testcase name="a"/></testsuite>"""


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, "<testsuite>" * 200 + "</testsuite>" * 200])
def test_bombs_are_refused(report: Path, text: str) -> None:
    found = counts(report, text)
    assert found.unreadable
    assert not found.passed


def test_size_is_bounded(report: Path) -> None:
    report.write_text(REPORT)
    os.truncate(report, MAX_BYTES + 1)
    found = read(report)
    assert found
    assert "larger" in found.unreadable[0]


def test_links_and_pipes_are_not_opened(report: Path) -> None:
    os.mkfifo(report)
    pipe = read(report)
    report.unlink()
    report.symlink_to("/etc/passwd")
    link = read(report)
    assert pipe
    assert pipe.unreadable
    assert link
    assert link.unreadable


def test_what_is_kept_is_bounded(report: Path) -> None:
    case = f"<testcase name='{'n' * 5000}'><failure message='{'m' * 5000}'>{'t' * 5000}</failure></testcase>"
    found = counts(report, f"<testsuite>{case * 100}</testsuite>")
    assert (found.failed, len(found.failures)) == (100, 100)
    assert {len(failure.name) for failure in found.failures} == {300}
    assert [len(failure.message) for failure in found.failures] == [4000] * MAX_MESSAGES + [0] * 50
    many = counts(report, f"<testsuite>{'<testcase><failure/></testcase>' * 2500}</testsuite>")
    assert (many.failed, len(many.failures), many.names) == (2500, MAX_FAILURES, None)


def test_what_pytest_writes(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): assert 1 == 2\n"
        "@pytest.mark.skip\ndef test_c(): pass\n"
        "@pytest.fixture\ndef broken(): raise ValueError('no fixture')\n"
        "def test_d(broken): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=r.xml"]
    subprocess.run(
        [*command, "-c", os.devnull, "--rootdir=."], cwd=tmp_path, capture_output=True, check=False
    )
    found = read(tmp_path / "r.xml")
    assert found
    assert (found.passed, found.failed, found.errors, found.skipped) == (1, 1, 1, 1)
    assert found.failures[0].name == "test_it::test_b"
    assert "assert 1 == 2" in found.failures[0].message


TAGS = st.sampled_from(["testsuite", "testcase", "failure", "error", "skipped", "properties", "system-out"])


@given(st.recursive(st.just(""), lambda inside: st.tuples(TAGS, st.lists(inside)), max_leaves=20))
def test_no_nesting_hides_a_failure(tmp_path_factory: pytest.TempPathFactory, tree: object) -> None:
    path = tmp_path_factory.mktemp("any") / "r.xml"
    text = f"<testsuite><testcase name='good'/>{_xml(tree)}</testsuite>"
    assert counts(path, text).succeeded is not ("<failure" in text or "<error" in text or _nested(tree))


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_give_an_answer(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "r.xml"
    path.write_bytes(b'<?xml version="1.0" encoding="' + data)
    found = read(path)
    assert found
    assert found.unreadable


def _xml(tree: object) -> str:
    if not isinstance(tree, tuple):
        return ""
    tag, inside = tree
    return f"<{tag}>{''.join(map(_xml, inside))}</{tag}>"


def _nested(tree: object, within: bool = False) -> bool:
    if not isinstance(tree, tuple):
        return False
    case = tree[0] == "testcase"
    return (case and within) or any(_nested(part, within or case) for part in tree[1])
