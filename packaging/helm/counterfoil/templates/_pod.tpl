{{/* The pod of all modes. */}}
{{- define "counterfoil.pod" -}}
metadata:
  labels: {{- include "counterfoil.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    kubectl.kubernetes.io/default-container: counterfoil
    {{- if .Values.config.inline }}
    # Another configuration makes another pod. podman takes no more than 63 characters.
    checksum/config: {{ .Values.config.inline | sha256sum | trunc 32 | quote }}
    {{- end }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ if .Values.serviceAccount.create }}{{ include "counterfoil.name" . }}{{ else }}default{{ end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- if ne .Values.mode "deployment" }}
  restartPolicy: Never
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- range $key := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with index $.Values $key }}
  {{ $key }}: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: counterfoil
      image: {{ include "counterfoil.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - run
        - --config
        - /etc/counterfoil/{{ .Values.config.key }}
        {{- if ne .Values.mode "deployment" }}
        - --until-caught-up
        {{- end }}
        {{- range .Values.args }}
        - {{ . | quote }}
        {{- end }}
      {{- with .Values.env }}
      env: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.envFrom }}
      envFrom: {{- toYaml . | nindent 8 }}
      {{- end }}
      # The error of a refused run is the end of its log: `kubectl describe pod` shows it.
      terminationMessagePolicy: FallbackToLogsOnError
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources: {{- toYaml .Values.resources | nindent 8 }}
      {{- if .Values.console.enabled }}
      ports:
        - {name: console, containerPort: {{ .Values.console.port }}, protocol: TCP}
      startupProbe:
        httpGet: {path: /healthz, port: console}
        periodSeconds: 2
        failureThreshold: 30
      # It asks whether the process works, not whether the databases do: a new pod heals no server.
      livenessProbe:
        httpGet: {path: /healthz, port: console}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 6
      {{- if eq .Values.mode "deployment" }}
      readinessProbe:
        httpGet: {path: /readyz, port: console}
        periodSeconds: 5
        timeoutSeconds: 3
      {{- end }}
      {{- end }}
      volumeMounts:
        - {name: config, mountPath: /etc/counterfoil, readOnly: true}
        {{- range .Values.secrets }}
        - {name: secret-{{ .name }}, mountPath: /run/secrets/counterfoil/{{ .name }}, readOnly: true}
        {{- end }}
  volumes:
    - name: config
      {{- if .Values.config.existingConfigMap }}
      configMap:
        name: {{ .Values.config.existingConfigMap }}
        defaultMode: 0440
      {{- else }}
      secret:
        secretName: {{ .Values.config.existingSecret | default (include "counterfoil.name" .) }}
        defaultMode: 0440
      {{- end }}
    {{- range .Values.secrets }}
    - name: secret-{{ .name }}
      secret:
        secretName: {{ .name }}
        defaultMode: 0440
    {{- end }}
{{- end }}
