{{- define "deid.labels" -}}
app.kubernetes.io/name: deid-stream
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "deid.worker.selector" -}}
app.kubernetes.io/name: deid-stream
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: worker
{{- end }}
{{- define "deid.control.selector" -}}
app.kubernetes.io/name: deid-stream
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: control
{{- end }}
{{- define "deid.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}
{{- /* "metrics" for the first process, "metrics-1" for the second */ -}}
{{- define "deid.port" -}}
metrics{{ if gt (int .) 0 }}-{{ . }}{{ end }}
{{- end }}
