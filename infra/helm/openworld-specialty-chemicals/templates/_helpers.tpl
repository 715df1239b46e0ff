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
{{- else if or (include "owsc.apiToken" $) .metricsToken .redisUrl }}{{ include "owsc.fullname" $ }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The API token, unless it is in a Secret of the user's or not wanted. It may be random: all templates of a rendering
get the same one. */ -}}
{{- define "owsc.apiToken" -}}
{{- if not (hasKey .Values.secrets "found") }}
{{- $_ := set .Values.secrets "found" (include "owsc.findToken" .) }}
{{- end }}
{{- .Values.secrets.found }}
{{- end }}

{{- define "owsc.findToken" -}}
{{- with .Values.secrets }}
{{- if not (or .existingSecret .apiToken $.Values.allowAnonymous) }}
{{- $there := lookup "v1" "Secret" $.Release.Namespace (include "owsc.fullname" $) | default dict }}
{{- $kept := get (get $there "data" | default dict) "OW_SC_API_TOKEN" }}
{{- if $kept }}{{ b64dec $kept }}
{{- /* A list is never empty of everything, except where there is no cluster to ask. Helm itself has to list Secrets. */}}
{{- else if lookup "v1" "Secret" $.Release.Namespace "" }}{{ randAlphaNum 40 }}
{{- else }}
{{- fail "there is no API token, and no cluster to keep a generated one in (helm template, Argo CD, a dry run): it would be another one at each rendering. Set secrets.existingSecret or secrets.apiToken; or allowAnonymous=true, and whoever reaches the service can read and write" }}
{{- end }}
{{- else }}{{ .apiToken }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether somebody has to show a token at /metrics. */ -}}
{{- define "owsc.metricsProtected" -}}
{{- if and .Values.secrets.metricsProtect (include "owsc.hasToken" .) }}true{{ end }}
{{- end }}

{{- define "owsc.hasToken" -}}
{{- with .Values.secrets }}
{{- if or .existingSecret .metricsToken (include "owsc.apiToken" $) }}true{{ end }}
{{- end }}
{{- end }}

{{- /* OpenShift refuses pods that choose a user or a group themselves. */ -}}
{{- define "owsc.podSecurityContext" -}}
{{- $openshift := .Values.openshift }}
{{- if kindIs "invalid" $openshift }}
{{- $openshift = .Capabilities.APIVersions.Has "security.openshift.io/v1" }}
{{- end }}
{{- $openshift | ternary (omit .Values.podSecurityContext "runAsUser" "runAsGroup" "fsGroup") .Values.podSecurityContext | toYaml }}
{{- end }}

{{- /* How the alert rules know the metrics of this release from those of others. */ -}}
{{- define "owsc.job" -}}
{{- .Values.prometheusRule.job | default (printf "%s/%s" .Release.Namespace (include "owsc.fullname" .)) }}
{{- end }}

{{- /* A setting as text. A number that was read from a file is a float, and would be written as 1.048576e+07. */ -}}
{{- define "owsc.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* Whether only one process at a time may have the data: the database is a file. */ -}}
{{- define "owsc.embedded" -}}
{{- if eq .Values.database.mode "embedded" }}true{{ end }}
{{- end }}

{{- /* What the AWS SDK is told, as JSON, or an empty object where neither AWS nor a store like it is asked. A process has
one region and one pair of keys: the table's, which are the inbox' too, or else the inbox' own. */ -}}
{{- define "owsc.cloud" -}}
{{- if not (include "owsc.embedded" .) }}
{{- set (pick .Values.database "region" "endpoint" "credentialsSecret") "anyRegion" "local" | toJson }}
{{- else if or .Values.inbox.bucket .Values.backup.bucket }}
{{- /* Stores that have no regions answer to this one, if they look at it at all. */}}
{{- $store := empty .Values.inbox.bucket | ternary .Values.backup .Values.inbox }}
{{- set (pick $store "region" "credentialsSecret") "anyRegion" "us-east-1" | toJson }}
{{- else }}{}
{{- end }}
{{- end }}

{{- /* Where the inbox' and the backups' buckets are, if not in S3. */ -}}
{{- define "owsc.s3Endpoint" -}}
{{- .Values.inbox.endpoint | default .Values.backup.endpoint }}
{{- end }}

{{- /* Where the database is backed up to, or nothing. */ -}}
{{- define "owsc.backup" -}}
{{- with .Values.backup }}
{{- if .bucket }}s3://{{ .bucket }}{{ with .prefix }}/{{ . }}{{ end }}
{{- else if or .existingClaim .size }}/backup
{{- end }}
{{- end }}
{{- end }}

{{- define "owsc.backupClaim" -}}
{{- with .Values.backup }}
{{- if .existingClaim }}{{ .existingClaim }}
{{- else if .size }}{{ include "owsc.fullname" $ }}-backup
{{- end }}
{{- end }}
{{- end }}

{{- /* Where files are taken in from by themselves, or nothing where that is left to the server. */ -}}
{{- define "owsc.inbox" -}}
{{- with .Values.inbox }}
{{- if .bucket }}s3://{{ .bucket }}{{ with .prefix }}/{{ . }}{{ end }}
{{- else if .existingClaim }}/inbox
{{- end }}
{{- end }}
{{- end }}

{{- define "owsc.maxBytes" -}}
{{- include "owsc.text" (.Values.inbox.maxBytes | default (empty .Values.inbox.bucket | ternary 1073741824 5368709120)) }}
{{- end }}

{{- /* Whether the inbox is a folder, whose files are copied to /tmp while they are read; one in a bucket is read where it is.
The embedded database has such a folder by itself. */ -}}
{{- define "owsc.copies" -}}
{{- $folder := or .Values.inbox.existingClaim (include "owsc.embedded" .) (hasKey .Values.env "OW_SC_INBOX") }}
{{- if and $folder (not .Values.inbox.bucket) }}true{{ end }}
{{- end }}

{{- define "owsc.tmpSizeLimit" -}}
{{- $copies := include "owsc.copies" . | eq "true" | ternary (include "owsc.maxBytes" . | int64 | mul 4) 0 }}
{{- if .Values.backup.bucket }}
{{- /* A backup for a bucket is made here first, and is at most as large as the database's volume. */}}
{{- $copies = include "owsc.bytes" .Values.persistence.size | float64 | int64 | add $copies }}
{{- end }}
{{- .Values.tmpSizeLimit | default (printf "%dMi" (div (add $copies 1048575) 1048576 | add 512)) }}
{{- end }}

{{- /* A quantity of Kubernetes' as a number. */ -}}
{{- define "owsc.bytes" -}}
{{- $factors := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576
    "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 }}
{{- $text := include "owsc.text" . }}
{{- $unit := regexFind "[A-Za-z]*$" $text }}
{{- mulf (trimSuffix $unit $text | float64) (get $factors $unit) }}
{{- end }}
