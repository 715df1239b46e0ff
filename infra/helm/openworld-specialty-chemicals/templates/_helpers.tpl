{{- define "owsc.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* The longest suffix is 10 characters, and so is the hash that Kubernetes appends to a StatefulSet's name in a
label, which takes 63. */ -}}
{{- define "owsc.fullname" -}}
{{- $name := include "owsc.name" . }}
{{- $unique := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- default $unique .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- /* What objects are found by: of a context and a component. It must never change. */ -}}
{{- define "owsc.selector" -}}
app.kubernetes.io/name: {{ include "owsc.name" .context }}
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* Of pods, too: none that changes where the server does not, or they would be replaced for nothing. */ -}}
{{- define "owsc.podLabels" -}}
{{ include "owsc.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
{{- end }}

{{- define "owsc.labels" -}}
{{ include "owsc.podLabels" . }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "owsc.server.selector" -}}
{{ include "owsc.selector" (dict "context" . "component" "server") }}
{{- end }}

{{- define "owsc.server.labels" -}}
{{ include "owsc.labels" (dict "context" . "component" "server") }}
{{- end }}

{{- define "owsc.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "owsc.serviceAccountName" -}}
{{- $made := .Values.serviceAccount.create | ternary (include "owsc.fullname" .) "default" }}
{{- .Values.serviceAccount.name | default $made }}
{{- end }}

{{- /* The Secret with tokens and Redis' URL, or nothing where none is needed. */ -}}
{{- define "owsc.secretName" -}}
{{- with .Values.secrets -}}
{{- if .existingSecret }}{{ .existingSecret }}
{{- else if or .apiToken .metricsToken .redisUrl }}{{ include "owsc.fullname" $ }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A setting as text. A number that was read from a file is a float, and would be written as 1.048576e+07. */ -}}
{{- define "owsc.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* Whether only one process at a time may have the data: the database is a file. */ -}}
{{- define "owsc.embedded" -}}
{{- if eq .Values.database.mode "embedded" }}true{{ end }}
{{- end }}
