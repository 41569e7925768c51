{{- define "scalable-shop.kafkaAccessPod" -}}
{{- $secrets := include "scalable-shop.kafkaSecrets" . | fromJson -}}
restartPolicy: OnFailure
serviceAccountName: {{ include "scalable-shop.name" . }}-kafka-access
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "scalable-shop.pullSecrets" . | nindent 0 }}
securityContext:
  {{- include "scalable-shop.podSecurity" . | nindent 2 }}
containers:
  - name: access
    image: {{ include "scalable-shop.image" (list . .Values.shop.images.cmApi "cm-api") | quote }}
    imagePullPolicy: {{ .Values.shop.images.pullPolicy }}
    command: [python, -m, shop_core.kafka.access]
    args: [--file, /etc/shop/access/acls.json, --passwords, /etc/shop/kafka, --prune, --wait, "180"]
    env:
      - {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ include "scalable-shop.bootstrapServers" . | quote }}}
      - {name: KAFKA_SECURITY_PROTOCOL, value: SASL_SSL}
      - {name: KAFKA_SSL_CA_FILE, value: /etc/shop/kafka-ca/ca.crt}
      - {name: KAFKA_SASL_USERNAME, value: admin}
      - {name: KAFKA_SASL_PASSWORD_FILE, value: /etc/shop/kafka/admin}
    resources:
      {{- toYaml .Values.errands.resources | nindent 6 }}
    securityContext:
      {{- include "scalable-shop.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      - {name: table, mountPath: /etc/shop/access, readOnly: true}
      - {name: passwords, mountPath: /etc/shop/kafka, readOnly: true}
      - {name: ca, mountPath: /etc/shop/kafka-ca, readOnly: true}
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
{{- end }}
