"""Answers written by hand, good and bad ones -> evals/recorded/*.json, in the providers' wire formats.

python -m tests.evals.recordings      writes the files anew, after the form of an answer has changed
"""

import json

from tests.evals import answers_ansible, answers_kubernetes, answers_terraform
from tests.evals.form import STANDING

FOLDER = STANDING.parent / "recorded"
# What an attentive engineer would have given, after a repair here and there; and what the judge has to find wanting.
GOOD = {**answers_terraform.GOOD, **answers_ansible.GOOD, **answers_kubernetes.GOOD}
BAD = {**answers_terraform.BAD, **answers_ansible.BAD, **answers_kubernetes.BAD}
RECORDINGS = {**GOOD, **BAD}


def files() -> dict[str, str]:
    """File name -> text of every recording."""
    return {f"{name}.json": json.dumps(one, indent=1, sort_keys=True) + "\n" for name, one in RECORDINGS.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, whole in files().items():
        (FOLDER / name).write_text(whole, encoding="utf-8")
