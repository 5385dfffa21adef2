"""A folder's name in, the known-bad files out that the Kubernetes check must find in each run."""

from agent.domain import File

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: canary, namespace: canary}
spec:
  containers:
    - name: canary
      image: quay.io/canary/canary
      securityContext: {privileged: %s}
"""
BAD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: canary}\nspec: {replicas: three}\n---\n"
BAD += "apiVersion: canary/v1\nkind: Canary\n"
BAD_RULES = frozenset({"schema/invalid", "schema/unknown-kind"})
KUSTOMIZATION = """\
resources: [pod.yaml]
patches:
  - target: {kind: Pod}
    patch: |-
      - {op: replace, path: /spec/containers/0/securityContext/privileged, value: true}
"""
CHART = "apiVersion: v2\nname: canary\nversion: 1.0.0\n"
# The gate finds it only in what the kustomization and the chart become.
BUILT_RULE = "kubernetes/privilege"


def planted(canary: str) -> list[File]:
    """The known-bad kustomization and chart, below the folder `canary`."""
    texts = {
        "kustomization/kustomization.yaml": KUSTOMIZATION,
        "kustomization/pod.yaml": POD % "false",
        "chart/Chart.yaml": CHART,
        "chart/values.yaml": "privileged: true\n",
        "chart/templates/pod.yaml": POD % "{{ .Values.privileged }}",
    }
    return [File(path=f"{canary}/{path}", content=text) for path, text in texts.items()]
