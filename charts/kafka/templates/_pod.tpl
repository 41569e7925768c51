{{/* The pod of one role: root, role, port, portName, firstId, values. */}}
{{- define "kafka.pod" -}}
{{- $root := .root -}}
{{- $name := include "kafka.fullname" $root -}}
{{- $settings := include "kafka.podSettings" (list $root .values) | fromYaml -}}
serviceAccountName: {{ $name }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- include "shop-library.podSpec" (list $settings (include "kafka.spread" (list $root .role))) }}
{{- with $settings.extraInitContainers }}
initContainers: {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: kafka
    image: {{ include "kafka.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [sh, /etc/kafka/start.sh, {{ .role }}, {{ .firstId | quote }}]
    env: {{- include "shop-library.env" (list (include "kafka.env" .) $settings) | nindent 6 }}
    {{- with $settings.envFrom }}
    envFrom: {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - {name: {{ .portName }}, containerPort: {{ .port }}}
      {{- if and $root.Values.security.enabled (eq .role "broker") }}
      - {name: internal, containerPort: 9094}
      {{- end }}
    startupProbe:
      tcpSocket: {port: {{ .portName }}}
      periodSeconds: 2
      failureThreshold: 150
    readinessProbe:
      {{- if eq .role "broker" }}
      # That it listens the startup probe has seen, and the liveness probe goes on to see.
      exec: {command: [sh, -c, test -e /tmp/in-step]}
      timeoutSeconds: 5
      {{- else }}
      tcpSocket: {port: {{ .portName }}}
      {{- end }}
      periodSeconds: 5
    livenessProbe:
      tcpSocket: {port: {{ .portName }}}
      periodSeconds: 20
      failureThreshold: 6
    resources: {{- toYaml .values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: data, mountPath: /var/lib/kafka}
      - {name: config, mountPath: /etc/kafka, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- if $root.Values.security.enabled }}
      - {name: tls, mountPath: /etc/kafka-tls, readOnly: true}
      - {name: run, mountPath: /run/kafka}
      {{- if eq .role "controller" }}
      - {name: admin, mountPath: /etc/kafka-users, readOnly: true}
      {{- end }}
      {{- end }}
      {{- include "shop-library.extra" (list $settings "extraVolumeMounts") | nindent 6 }}
  {{- include "shop-library.extra" (list $settings "extraContainers") | nindent 2 }}
volumes:
  - name: config
    configMap: {name: {{ $name }}}
  - name: tmp
    emptyDir: {sizeLimit: 128Mi}
  {{- if $root.Values.security.enabled }}
  - name: tls
    secret: {secretName: {{ include "kafka.tlsSecret" $root | quote }}, defaultMode: 0440}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  {{- if eq .role "controller" }}
  - name: admin
    secret:
      secretName: {{ include "kafka.usersSecret" $root | quote }}
      defaultMode: 0440
      items: [{key: admin, path: admin}]
  {{- end }}
  {{- end }}
  {{- include "shop-library.extra" (list $settings "extraVolumes") | nindent 2 }}
{{- end -}}

{{- define "kafka.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: SERVICE, value: {{ printf "%s-%s.%s.svc" (include "kafka.fullname" .root) .role .root.Release.Namespace }}}
- {name: CLUSTER_ID, value: {{ include "kafka.clusterId" .root | quote }}}
- {name: KAFKA_LIBS, value: {{ .root.Values.image.libs }}}
- {name: JVM_OPTIONS, value: {{ .root.Values.jvmOptions | quote }}}
- {name: HEAP, value: {{ .values.heap | quote }}}
{{- end -}}

{{/* How the pods of one role are spread, unless the values say otherwise: call with (list . "broker"). */}}
{{- define "kafka.spread" -}}
{{- $values := (index . 0).Values -}}
{{- if ne $values.antiAffinity "none" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq $values.antiAffinity "required") }}
  labelSelector:
    matchLabels:
      {{- include "kafka.roleSelector" . | nindent 6 }}
{{- end -}}
{{- end -}}
