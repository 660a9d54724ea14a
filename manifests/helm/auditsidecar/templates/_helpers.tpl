{{- define "auditsidecar.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "auditsidecar.selector" -}}
app.kubernetes.io/name: auditsidecar
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "auditsidecar.labels" -}}
{{ include "auditsidecar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "auditsidecar.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "auditsidecar.port" -}}
{{ index .Values.config "listen" | default "127.0.0.1:9464" | splitList ":" | last }}
{{- end }}
