{{/* The pod of one role: root, role, port, portName, firstId, values. */}}
{{- define "kafka.pod" -}}
{{- $root := .root -}}
{{- $name := include "kafka.fullname" $root -}}
serviceAccountName: {{ $name }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if ne $root.Values.antiAffinity "none" }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq $root.Values.antiAffinity "required") }}
    labelSelector:
      matchLabels:
        {{- include "kafka.selector" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
{{- end }}
containers:
  - name: kafka
    image: {{ include "kafka.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [sh, /etc/kafka/start.sh, {{ .role }}, {{ .firstId | quote }}]
    env:
      - name: POD_NAME
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
      - {name: SERVICE, value: {{ printf "%s-%s.%s.svc" $name .role $root.Release.Namespace }}}
      - {name: CLUSTER_ID, value: {{ include "kafka.clusterId" $root | quote }}}
      - {name: KAFKA_LIBS, value: {{ $root.Values.image.libs }}}
      - {name: JVM_OPTIONS, value: {{ $root.Values.jvmOptions | quote }}}
      - {name: HEAP, value: {{ .values.heap | quote }}}
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
      tcpSocket: {port: {{ .portName }}}
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
volumes:
  - name: config
    configMap: {name: {{ $name }}}
  - name: tmp
    emptyDir: {sizeLimit: 128Mi}
  {{- if $root.Values.security.enabled }}
  - name: tls
    secret: {secretName: {{ include "kafka.tlsSecret" $root }}, defaultMode: 0440}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 1Mi}
  {{- if eq .role "controller" }}
  - name: admin
    secret:
      secretName: {{ include "kafka.usersSecret" $root }}
      defaultMode: 0440
      items: [{key: admin, path: admin}]
  {{- end }}
  {{- end }}
{{- end -}}
