"""Any files in, known shapes of keys and tokens out, by detect-secrets' patterns.

Only the patterns are used: the library's own scan obeys `pragma: allowlist` comments, keeps global settings, and asks
the issuer over the network whether a key is live.
"""

from collections.abc import Iterator, Mapping, Sequence

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector

from agent.checks.check import CheckResult, Context, finished, nothing_to_check, of_kind
from agent.domain import File, Finding
from agent.errors import ToolError

NAME = "secrets"
HELP = "https://github.com/Yelp/detect-secrets"
DETECTORS: dict[str, RegexBasedDetector] = {
    "artifactory-token": ArtifactoryDetector(),
    "aws-key": AWSKeyDetector(),
    "azure-storage-key": AzureStorageKeyDetector(),
    "discord-token": DiscordBotTokenDetector(),
    "github-token": GitHubTokenDetector(),
    "gitlab-token": GitLabTokenDetector(),
    "json-web-token": JwtTokenDetector(),
    "npm-token": NpmDetector(),
    "openai-key": OpenAIDetector(),
    "password-in-url": BasicAuthDetector(),
    "private-key": PrivateKeyDetector(),
    "pypi-token": PypiTokenDetector(),
    "sendgrid-key": SendGridDetector(),
    "slack-token": SlackDetector(),
    "square-token": SquareOAuthDetector(),
    "stripe-key": StripeDetector(),
    "telegram-token": TelegramBotTokenDetector(),
}
# In two parts, so that a scanner does not find it here.
CANARY = "key = AKIA" + "QX4BIPT7ZLM2WNC5\ntoken = ghp" + "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO2SJ7Bb\n"
CANARY_RULES = frozenset({"aws-key", "github-token"})


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Look at every line of every file. What was found is never repeated. Raises ToolError when the canary is not."""
    given = of_kind((*files, *context.trusted), "")
    if not given:
        return nothing_to_check(NAME)
    require_canary(DETECTORS)
    findings = []
    seen = 0
    for file in given:
        for rule, line in _found(file.content or "", DETECTORS):
            findings.append(
                Finding(
                    source=NAME,
                    rule=rule,
                    severity=context.severities.of(NAME, rule, own="critical"),
                    message=f"looks like a {rule.replace('-', ' ')}: revoke it, and name where it is kept instead",
                    path=file.path,
                    line=line,
                    help=HELP,
                )
            )
        seen += 1
    return finished(NAME, given=len(given), seen=seen, findings=findings)


def require_canary(detectors: Mapping[str, RegexBasedDetector]) -> None:
    """Raises ToolError when the detectors do not find the planted known-bad text."""
    missed = CANARY_RULES - {rule for rule, _ in _found(CANARY, detectors)}
    if missed:
        raise ToolError(f"it did not find the planted known-bad file ({', '.join(sorted(missed))})")


def _found(text: str, detectors: Mapping[str, RegexBasedDetector]) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), start=1):
        for rule, detector in detectors.items():
            # An expression of a template names a secret, which is what we ask for.
            if any("{{" not in match for match in detector.analyze_string(line)):
                yield rule, number
