"""The reading tools by name: what a role may ask of the repository, the providers and the house. None writes."""

from agent.models.tools import ansible, draft, files, history, house, kubernetes, terraform, units
from agent.models.tools.tool import Tool

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for part in (files, units, terraform, ansible, kubernetes, house, history, draft)
    for tool in part.TOOLS
}
