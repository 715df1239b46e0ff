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
{{- with $.Values.inbox.endpoint }}
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
{{- with .Values.secrets }}
{{- if or .existingSecret .apiToken }}
{{ include "owsc.fromSecret" (dict "secret" $secret "key" "OW_SC_API_TOKEN") }}
{{- end }}
{{- if or .existingSecret .metricsToken }}
{{ include "owsc.fromSecret" (dict "secret" $secret "key" "OW_SC_METRICS_TOKEN" "optional" .existingSecret) }}
{{- end }}
{{- if .metricsProtect }}
- name: OW_SC_METRICS_PROTECT
  value: "1"
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
{{- if not (kindIs "invalid" $value) }}
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
