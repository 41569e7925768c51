{{- define "scalable-shop.kafkaAccessPod" -}}
{{- $secrets := include "scalable-shop.kafkaSecrets" . | fromJson -}}
{{- $settings := include "scalable-shop.podSettings" (list . .Values.jobs) | fromYaml -}}
restartPolicy: OnFailure
serviceAccountName: {{ include "scalable-shop.name" . }}-kafka-access
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "scalable-shop.pullSecrets" . | nindent 0 }}
securityContext:
  {{- include "scalable-shop.podSecurity" . | nindent 2 }}
{{- include "shop-library.podSpec" (list $settings "[]") }}
{{- with $settings.extraInitContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: access
    image: {{ include "scalable-shop.image" (list . .Values.shop.images.cmApi "cm-api") | quote }}
    imagePullPolicy: {{ .Values.shop.images.pullPolicy }}
    command: [python, -m, shop_core.admin.kafka_acls]
    args: [--file, /etc/shop/access/acls.json, --passwords, /etc/shop/kafka, --prune, --wait, "180"]
    env:
      {{- include "shop-library.env" (list (include "scalable-shop.kafkaAccessEnv" .) $settings) | nindent 6 }}
    {{- with $settings.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    resources:
      {{- toYaml .Values.jobs.resources | nindent 6 }}
    securityContext:
      {{- include "scalable-shop.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      - {name: table, mountPath: /etc/shop/access, readOnly: true}
      - {name: passwords, mountPath: /etc/shop/kafka, readOnly: true}
      - {name: ca, mountPath: /etc/shop/kafka-ca, readOnly: true}
      {{- include "shop-library.extra" (list $settings "extraVolumeMounts") | nindent 6 }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 16Mi}
  - name: table
    configMap: {name: {{ include "scalable-shop.name" . }}-kafka-access}
  - name: passwords
    secret: {secretName: {{ $secrets.passwordsSecretRef }}, defaultMode: 0440}
  - name: ca
    secret:
      secretName: {{ $secrets.caSecretRef }}
      defaultMode: 0440
      items: [{key: ca.crt, path: ca.crt}]
  {{- include "shop-library.extra" (list $settings "extraVolumes") | nindent 2 }}
{{- end }}

{{- define "scalable-shop.kafkaAccessEnv" -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "scalable-shop.bootstrapServers" . | quote }}}
- {name: KAFKA_SECURITY_PROTOCOL, value: SASL_SSL}
- {name: KAFKA_SSL_CA_FILE, value: /etc/shop/kafka-ca/ca.crt}
- {name: KAFKA_SASL_USERNAME, value: admin}
- {name: KAFKA_SASL_PASSWORD_FILE, value: /etc/shop/kafka/admin}
{{- end }}

{{/* What the Job is named after, as no Job can be changed: another table, other passwords or another pod make another Job.
     Passwords count by the Secret's name, and by what the cluster says is in it: a tool that renders without a cluster gets
     the same name each time. */}}
{{- define "scalable-shop.kafkaAccessHash" -}}
{{- $kafka := .Subcharts.kafka -}}
{{- $secret := include "kafka.usersSecret" $kafka -}}
{{- $passwords := "" -}}
{{- if .Values.kafka.security.existingSecrets.users -}}
{{- $passwords = (lookup "v1" "Secret" .Release.Namespace $secret).data | default dict | toJson -}}
{{- else -}}
{{- $passwords = include "kafka.passwords" $kafka -}}
{{- end -}}
{{- $settings := include "scalable-shop.podSettings" (list . .Values.jobs) | fromYaml -}}
{{- $metadata := include "scalable-shop.podMetadata" (list . "scalable-shop" "errand" $settings) -}}
{{- list (include "kafka.accessTable" $kafka) $secret $passwords (include "scalable-shop.kafkaAccessPod" .) $metadata | join "\n" | sha256sum | trunc 8 -}}
{{- end }}
