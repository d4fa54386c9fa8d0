{{/* Names, labels, image. */}}
{{- define "counterfoil.name" -}}
{{- if contains "counterfoil" .Release.Name }}{{ .Release.Name | trunc 47 | trimSuffix "-" }}{{ else }}{{ printf "%s-counterfoil" (.Release.Name | trunc 35 | trimSuffix "-") }}{{ end }}
{{- end }}

{{- define "counterfoil.selector" -}}
app.kubernetes.io/name: counterfoil
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "counterfoil.labels" -}}
{{ include "counterfoil.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "counterfoil.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
