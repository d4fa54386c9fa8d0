{{/* A job: which failures time heals is said by the exit code. */}}
{{- define "counterfoil.job" -}}
backoffLimit: {{ .Values.job.backoffLimit }}
{{- if .Values.job.activeDeadlineSeconds }}
activeDeadlineSeconds: {{ .Values.job.activeDeadlineSeconds }}
{{- end }}
{{- if and (eq .Values.mode "job") (not (kindIs "invalid" .Values.job.ttlSecondsAfterFinished)) }}
ttlSecondsAfterFinished: {{ .Values.job.ttlSecondsAfterFinished }}
{{- end }}
{{- if semverCompare ">=1.29-0" .Capabilities.KubeVersion.Version }}
podFailurePolicy:
  rules:
    # A node that is drained is not a failure of the job.
    - action: Ignore
      onPodConditions: [{type: DisruptionTarget, status: "True"}]
    # 2 configuration, 3 unsuitable, 4 contents, 6 order, 7 rejected: a person is needed. After 1, 5 and 8 it is tried again.
    - action: FailJob
      onExitCodes: {containerName: counterfoil, operator: In, values: [2, 3, 4, 6, 7]}
{{- end }}
template: {{- include "counterfoil.pod" . | nindent 2 }}
{{- end }}
