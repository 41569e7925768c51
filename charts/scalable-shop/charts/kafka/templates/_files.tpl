{{/* What the nodes read and run: lines of server.properties, the log, and how one starts. */}}
{{- define "kafka.files" -}}
{{- $replicas := min 3 (int .Values.brokers.replicas) -}}
{{- $isr := ternary 2 1 (ge (int $replicas) 3) -}}
common.properties: |
  controller.listener.names=CONTROLLER
  controller.quorum.voters={{ include "kafka.voters" . }}
  {{- if .Values.security.enabled }}
  {{- include "kafka.securityProperties" . | nindent 2 }}
  {{- else }}
  listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT
  {{- end }}
  log.dirs=/var/lib/kafka/data
  # Topics are made on purpose, with their partitions; a misspelt name must not make one.
  auto.create.topics.enable=false
  default.replication.factor={{ $replicas }}
  min.insync.replicas={{ $isr }}
  offsets.topic.replication.factor={{ $replicas }}
  transaction.state.log.replication.factor={{ $replicas }}
  transaction.state.log.min.isr={{ $isr }}
  share.coordinator.state.topic.replication.factor={{ $replicas }}
  share.coordinator.state.topic.min.isr={{ $isr }}
  # A consumer that sleeps must find where it stood.
  offsets.retention.minutes={{ mul (.Values.offsetsRetentionDays | default 365) 1440 }}
  {{- range $key, $value := .Values.config }}
  {{ $key }}={{ $value }}
  {{- end }}
controller.properties: |
  process.roles=controller
  listeners=CONTROLLER://:9093
broker.properties: |
  process.roles=broker
  {{- if .Values.security.enabled }}
  listeners=CLIENT://:9092,INTERNAL://:9094
  inter.broker.listener.name=INTERNAL
  {{- else }}
  listeners=CLIENT://:9092
  inter.broker.listener.name=CLIENT
  {{- end }}
log4j2.properties: |
  rootLogger.level=INFO
  rootLogger.appenderRef.stdout.ref=STDOUT
  appender.stdout.type=Console
  appender.stdout.name=STDOUT
  appender.stdout.layout.type=PatternLayout
  appender.stdout.layout.pattern=%d{ISO8601} %-5p %c{1} - %m%n
  # Each client's request for metadata is no news.
  logger.cleaner.name=org.apache.kafka.storage.internals.log.LogCleaner
  logger.cleaner.level=WARN
# Arguments: the role, and the id of the role's first node. Formats the volume once, then becomes Kafka.
start.sh: |
  set -eu
  umask 077
  role="$1"
  id="$(($2 + ${POD_NAME##*-}))"
  config=/tmp/server.properties
  cat /etc/kafka/common.properties "/etc/kafka/$role.properties" >"$config"
  echo "node.id=$id" >>"$config"
  set --
  {{- if .Values.security.enabled }}
  . /etc/kafka/certificate.sh
  if [ "$role" = broker ]; then
    echo "advertised.listeners=CLIENT://$POD_NAME.$SERVICE:9092,INTERNAL://$POD_NAME.$SERVICE:9094" >>"$config"
  else
    # The first user must be there before anybody can log in to make others.
    set -- --add-scram "SCRAM-SHA-512=[name=admin,password=$(cat /etc/kafka-users/admin)]"
  fi
  {{- else }}
  if [ "$role" = broker ]; then
    echo "advertised.listeners=CLIENT://$POD_NAME.$SERVICE:9092" >>"$config"
  fi
  {{- end }}
  jvm="$JVM_OPTIONS -Djava.awt.headless=true -Dlog4j2.configurationFile=/etc/kafka/log4j2.properties"
  java -Xmx256m $jvm -cp "$KAFKA_LIBS/*" kafka.tools.StorageTool format --ignore-formatted \
    --cluster-id "$CLUSTER_ID" --config "$config" "$@"
  exec java "-Xms$HEAP" "-Xmx$HEAP" -XX:+ExitOnOutOfMemoryError $jvm -cp "$KAFKA_LIBS/*" kafka.Kafka "$config"
{{- if .Values.security.enabled }}
# Writes key and certificate into one file, as Kafka reads them. A key in PKCS#1, such as Helm makes, is put into the
# envelope of PKCS#8: a sequence of version 0, "RSA", and the key.
certificate.sh: |
  two_bytes() { printf "\\$(printf %03o $(($1 / 256)))\\$(printf %03o $(($1 % 256)))"; }
  if grep -q "BEGIN RSA PRIVATE KEY" /etc/kafka-tls/tls.key; then
    sed /-----/d /etc/kafka-tls/tls.key | base64 -d >/run/kafka/key
    size="$(wc -c </run/kafka/key)"
    echo "-----BEGIN PRIVATE KEY-----"
    {
      printf '\060\202'; two_bytes $((size + 22))
      printf '\002\001\000\060\015\006\011\052\206\110\206\367\015\001\001\001\005\000\004\202'; two_bytes "$size"
      cat /run/kafka/key
    } | base64
    echo "-----END PRIVATE KEY-----"
    rm /run/kafka/key
  else
    cat /etc/kafka-tls/tls.key
  fi >/run/kafka/node.pem
  cat /etc/kafka-tls/tls.crt >>/run/kafka/node.pem
{{- end }}
{{- end -}}
