"""Two commits and a caller in, a refusal out when a job's token would change a workflow file.

A job's token can never hold GitHub's `workflows` permission, so it can bring no new version of such a file.
"""

from pathlib import Path

from agent.sandbox.forge import git
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.forge.http import Call

FOLDER = ".github/workflows"
HOOK = f"""#!/bin/sh
# Refuses what a job's token may not push: FORGE_NO_WORKFLOWS is set for such a push.
[ -n "$FORGE_NO_WORKFLOWS" ] || exit 0
while read -r old new ref; do
    case "$new" in *[!0]*) ;; *) continue ;; esac
    known=$(git rev-parse --verify --quiet "$old^{{commit}}" || git rev-parse HEAD)
    file=$(git diff --name-only "$(git merge-base "$known" "$new" || echo "$known")" "$new" -- {FOLDER} | head -n 1)
    if [ -n "$file" ]; then
        echo "refusing to allow a GitHub App to create or update workflow \\`$file\\`" \\
            "without \\`workflows\\` permission"
        exit 1
    fi
done
"""


def changed_workflow(where: Path, *, old: str, new: str) -> str | None:
    """A workflow file that differs between the point where `new` left `old`, and `new`; None when there is none."""
    base = git.merge_base(where, old, new) or git.EMPTY_TREE
    found = git.git(where, "diff", "--name-only", base, new, "--", FOLDER).splitlines()
    return found[0] if found else None


def refuse_workflow_changes(call: Call, *, old: str | None, new: str) -> None:
    """Raises ApiError 403. Without `old` the default branch is compared."""
    if not call.who.limited or call.who.granted("workflows:write"):
        return
    where = call.forge.git_dir(call.repo)
    known = old or git.ref(where, f"refs/heads/{call.repo['default_branch']}")
    if known and changed_workflow(where, old=known, new=new):
        raise ApiError(403, "Resource not accessible by integration")
