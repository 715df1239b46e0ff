{{- /* The server's variables. What the chart sets itself comes first; `refusals.yaml` sees to it that nothing comes
twice. */ -}}
{{- define "owsc.environment" -}}
{{- $secret := include "owsc.secretName" . -}}
- name: OW_SC_TABLE
  value: {{ .Values.database.table | quote }}
{{- if include "owsc.embedded" . }}
- name: OW_SC_DATA_DIR
  value: /data
{{- end }}
{{- with include "owsc.cloud" . | fromJson }}
- name: AWS_REGION
  {{- /* Requests are signed for a region wherever they go. */}}
  value: {{ .region | default .anyRegion | quote }}
{{- with .endpoint }}
- name: AWS_ENDPOINT_URL_DYNAMODB
  value: {{ . | quote }}
{{- end }}
{{- with include "owsc.s3Endpoint" $ }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . | quote }}
{{- end }}
{{- with .credentialsSecret }}
{{- $keys := . }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
{{ include "owsc.fromSecret" (dict "secret" $keys "key" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- with include "owsc.inbox" . }}
- name: OW_SC_INBOX
  value: {{ . | quote }}
{{- end }}
- name: OW_SC_MAX_BATCH_BYTES
  value: {{ include "owsc.maxBytes" . | quote }}
{{- with include "owsc.backup" . }}
- name: OW_SC_BACKUP
  value: {{ . | quote }}
- name: OW_SC_BACKUP_EVERY
  value: {{ $.Values.backup.every | quote }}
- name: OW_SC_BACKUP_KEEP
  value: {{ $.Values.backup.keep | quote }}
{{- end }}
{{- if .Values.allowAnonymous }}
- name: OW_SC_ALLOW_ANONYMOUS
  value: "1"
- name: OW_SC_HOSTS
  value: {{ include "owsc.hosts" . | quote }}
{{- end }}
{{- with .Values.secrets }}
{{- if or .existingSecret (include "owsc.apiToken" $) }}
{{ include "owsc.fromSecret" (dict "secret" $secret "key" "OW_SC_API_TOKEN" "optional" $.Values.allowAnonymous) }}
{{- end }}
{{- if or .existingSecret .metricsToken }}
{{ include "owsc.fromSecret" (dict "secret" $secret "key" "OW_SC_METRICS_TOKEN" "optional" .existingSecret) }}
{{- end }}
{{- if include "owsc.hasToken" $ }}
- name: OW_SC_METRICS_PROTECT
  value: {{ .metricsProtect | ternary "1" "0" | quote }}
{{- end }}
{{- if $.Values.redis.enabled }}
- name: OW_SC_REDIS_URL
  value: redis://{{ include "owsc.fullname" $ }}-redis:6379/0
{{- else if or .existingSecret .redisUrl }}
{{ include "owsc.fromSecret" (dict "secret" $secret "key" "OW_SC_REDIS_URL" "optional" .existingSecret) }}
{{- end }}
{{- with .redisChannel }}
- name: OW_SC_REDIS_CHANNEL
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- range $name, $value := .Values.env }}
{{- $merged := and $.Values.allowAnonymous (eq $name "OW_SC_HOSTS") }}
{{- if not (or (kindIs "invalid" $value) $merged) }}
- name: {{ $name | quote }}
  value: {{ include "owsc.text" $value | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "owsc.fromSecret" -}}
- name: {{ .key }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{- /* Without a token, the server answers for the names that it is told: the service's, for `helm test`, and those that it is
published under. */ -}}
{{- define "owsc.hosts" -}}
{{- $name := include "owsc.fullname" . }}
{{- $service := printf "%s.%s" $name .Release.Namespace }}
{{- $hosts := list $name $service (printf "%s.svc" $service) }}
{{- if .Values.ingress.enabled }}
{{- range .Values.ingress.hosts }}
{{- $hosts = append $hosts .host }}
{{- end }}
{{- end }}
{{- if .Values.httpRoute.enabled }}
{{- $hosts = concat $hosts .Values.httpRoute.hostnames }}
{{- end }}
{{- $more := get .Values.env "OW_SC_HOSTS" | default "" }}
{{- eq $more "*" | ternary $more (append $hosts $more | compact | join ",") }}
{{- end }}
