{{- /* The pod, which is the same in a StatefulSet and in a Deployment but for its data. */ -}}
{{- define "owsc.pod" -}}
metadata:
  labels:
    {{- include "owsc.podLabels" (dict "context" . "component" "server") | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $ours := and (include "owsc.secretName" .) (not .Values.secrets.existingSecret) }}
  {{- if or $ours .Values.podAnnotations }}
  annotations:
    {{- if $ours }}
    {{- /* Variables are read at the start: pods are replaced when the Secret changes. What is in yours is not known. */}}
    checksum/secret: {{ set (pick .Values.secrets "metricsToken" "redisUrl") "apiToken" (include "owsc.apiToken" .) | toJson | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "owsc.serviceAccountName" . }}
  {{- /* The server does not talk to Kubernetes. The token for AWS is another one, which EKS mounts by itself. */}}
  automountServiceAccountToken: false
  {{- /* Variables that Kubernetes makes of services, such as OW_SC_PORT of one named ow-sc, are not settings. */}}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    {{- include "owsc.podSecurityContext" . | nindent 4 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: owsc
      image: {{ include "owsc.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - "--host={{ .Values.listen }}"
        - --port=8000
        - --database={{ if include "owsc.embedded" . }}embedded{{ else }}aws{{ end }}
        {{- if .Values.demo }}
        - --demo
        {{- end }}
      env:
        {{- include "owsc.environment" . | nindent 8 }}
      {{- with .Values.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8000
      startupProbe:
        httpGet: {path: /livez, port: http}
        {{- toYaml .Values.probes.startup | nindent 8 }}
      livenessProbe:
        httpGet: {path: /livez, port: http}
        {{- toYaml .Values.probes.liveness | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        {{- toYaml .Values.probes.readiness | nindent 8 }}
      {{- /* SIGTERM is enough: the server tells its clients where to go on, ends within ten seconds, and a client that
      comes too late finds another instance at its next try. The image has no shell to sleep with. */}}
      {{- with .Values.preStopSleepSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ . }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- if include "owsc.embedded" . }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- if .Values.inbox.existingClaim }}
        - name: inbox
          mountPath: /inbox
          {{- with .Values.inbox.subPath }}
          subPath: {{ . | quote }}
          {{- end }}
        {{- end }}
        {{- if include "owsc.backupClaim" . }}
        - name: backup
          mountPath: /backup
          {{- with .Values.backup.subPath }}
          subPath: {{ . | quote }}
          {{- end }}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ include "owsc.tmpSizeLimit" . }}
    {{- if include "owsc.embedded" . }}
    - name: data
      {{- if .Values.persistence.enabled }}
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim | default (include "owsc.fullname" .) }}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- end }}
    {{- with .Values.inbox.existingClaim }}
    - name: inbox
      persistentVolumeClaim:
        claimName: {{ . }}
    {{- end }}
    {{- with include "owsc.backupClaim" . }}
    - name: backup
      persistentVolumeClaim:
        claimName: {{ . }}
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not (include "owsc.embedded" .) }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- $instances := dict "matchLabels" (include "owsc.server.selector" $ | fromYaml) }}
    {{- range . }}
    {{- $spread := hasKey . "labelSelector" | ternary . (set (deepCopy .) "labelSelector" $instances) }}
    - {{ toYaml $spread | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
