{{- define "scalable-shop.kafkaUiEnv" -}}
# Nobody gets in without a name and a password (keys of the Secret: username, password).
- name: AUTH_TYPE
  value: LOGIN_FORM
- name: SPRING_SECURITY_USER_NAME
  valueFrom:
    secretKeyRef: {name: {{ .Values.kafkaUi.existingSecret | default (printf "%s-kafka-ui" (include "scalable-shop.name" .)) }}, key: username}
- name: SPRING_SECURITY_USER_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ .Values.kafkaUi.existingSecret | default (printf "%s-kafka-ui" (include "scalable-shop.name" .)) }}, key: password}
- name: KAFKA_CLUSTERS_0_NAME
  value: {{ include "scalable-shop.name" . }}
- name: KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS
  value: {{ include "scalable-shop.bootstrapServers" . | quote }}
{{- $secrets := include "scalable-shop.kafkaSecrets" . | fromJson }}
{{- if $secrets.passwordsSecretRef }}
- name: KAFKA_CLUSTERS_0_PROPERTIES_SECURITY_PROTOCOL
  value: SASL_SSL
- name: KAFKA_CLUSTERS_0_PROPERTIES_SASL_MECHANISM
  value: SCRAM-SHA-512
# A user of its own, which reads and no more: what the page is told to leave alone, the brokers refuse it as well.
- name: KAFKA_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ $secrets.passwordsSecretRef }}, key: kafka-ui}
- name: KAFKA_CLUSTERS_0_PROPERTIES_SASL_JAAS_CONFIG
  value: org.apache.kafka.common.security.scram.ScramLoginModule required username="kafka-ui" password="$(KAFKA_PASSWORD)";
{{- end }}
{{- if $secrets.caSecretRef }}
- name: KAFKA_CLUSTERS_0_PROPERTIES_SSL_TRUSTSTORE_TYPE
  value: PEM
- name: KAFKA_CLUSTERS_0_PROPERTIES_SSL_TRUSTSTORE_LOCATION
  value: /etc/kafka-ca/ca.crt
{{- end }}
# Looking only: topics belong to the operator.
- name: KAFKA_CLUSTERS_0_READONLY
  value: "true"
{{- end }}
