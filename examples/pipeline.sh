#!/usr/bin/env bash
# From a request to a merged branch, in a script: pipeline.sh TITLE [TASK_LIST]
#
# The target is the branch that is checked out. The records are committed whatever happens: they say what was done.
# Exit codes are Refactory's own (docs/exit-codes.md).
set -euo pipefail

title=${1:?usage: pipeline.sh TITLE [TASK_LIST]}
tasks=${2:-}

refactory init >&2

arguments=(--title "$title" --json)
[[ -z $tasks ]] || arguments+=(--from "$tasks")
code=0
refactory run "${arguments[@]}" > result.json || code=$?

git add .refactory
git diff --cached --quiet || git commit --quiet -m "Records: $title" -- .refactory

case $code in
    0) echo "done: $title" ;;
    1) echo "the work failed: the records and .git/refactory/logs say why" >&2 ;;
    6) echo "a budget is used up; what is done is kept" >&2 ;;
    7) echo "some tasks landed, some did not: refactory tasks:list --state failed" >&2 ;;
    8) echo "a model or a remote did not answer; go on later with the command that is named above" >&2 ;;
    *) echo "refactory ended with $code" >&2 ;;
esac
exit "$code"
