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
  used="$(certificate)"
  write_certificate /run/kafka/node.pem
  renew &
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
  if [ "$role" = broker ]; then
    . /etc/kafka/copies.sh
    # It may be an earlier start's.
    rm -f "$in_step"
    follow &
  fi
  exec java "-Xms$HEAP" "-Xmx$HEAP" -XX:+ExitOnOutOfMemoryError $jvm -cp "$KAFKA_LIBS/*" kafka.Kafka "$config"
copies.sh: |
  {{- include "kafka.copies" . | nindent 2 }}
{{- if .Values.security.enabled }}
# What a node does with its certificate.
certificate.sh: |
  {{- include "shop-library.renewal" (list "/etc/kafka-tls" (.Values.security.certificate.restartSeconds | default 180)) | nindent 2 }}
  # Writes key and certificate into one file, as Kafka reads them. A key in PKCS#1, such as Helm makes, is put into the
  # envelope of PKCS#8: a sequence of version 0, "RSA", and the key.
  write_certificate() {
    if grep -q "BEGIN RSA PRIVATE KEY" /etc/kafka-tls/tls.key; then
      sed /-----/d /etc/kafka-tls/tls.key | base64 -d >"$1.key"
      size="$(wc -c <"$1.key")"
      echo "-----BEGIN PRIVATE KEY-----"
      {
        printf '\060\202'; two_bytes $((size + 22))
        printf '\002\001\000\060\015\006\011\052\206\110\206\367\015\001\001\001\005\000\004\202'; two_bytes "$size"
        cat "$1.key"
      } | base64
      echo "-----END PRIVATE KEY-----"
      rm "$1.key"
    else
      cat /etc/kafka-tls/tls.key
    fi >"$1"
    cat /etc/kafka-tls/tls.crt >>"$1"
  }
  two_bytes() { printf "\\$(printf %03o $(($1 / 256)))\\$(printf %03o $(($1 % 256)))"; }
  # A controller's turn is after all brokers'.
  turn() {
    . /etc/kafka/nodes
    if [ "$role" = broker ]; then echo "${POD_NAME##*-}"; else echo "$((${POD_NAME##*-} + brokers))"; fi
    echo "$((brokers + controllers))"
  }
  # As a node with the new certificate, asks the next broker for its settings: so that one runs as well. Where the one in use has
  # ended there is nobody to fit with.
  fits() {
    . /etc/kafka/nodes
    next="$(((${POD_NAME##*-} + 1) % brokers))"
    write_certificate /run/kafka/next.pem
    printf '%s\n' security.protocol=SSL ssl.keystore.type=PEM ssl.keystore.location=/run/kafka/next.pem \
      ssl.truststore.type=PEM ssl.truststore.location=/etc/kafka-tls/ca.crt >/run/kafka/next.properties
    java -Xmx64m -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR -cp "$KAFKA_LIBS/*" kafka.admin.ConfigCommand \
      --bootstrap-server "{{ include "kafka.fullname" . }}-broker-$next.{{ include "kafka.fullname" . }}-broker.{{ .Release.Namespace }}.svc:9094" --command-config /run/kafka/next.properties \
      --describe --entity-type brokers --entity-name "$next" >/run/kafka/next.log 2>&1 && return
    grep -m 1 "NotAfter: " /run/kafka/next.log || { grep -m 3 -E "Caused by|rror" /run/kafka/next.log; false; }
  }
{{- end }}
{{- end -}}
