{{/* By what a broker knows whether its copies are in step: shell functions, run beside Kafka by start.sh. A JVM at each look of the
     kubelet would cost more than Kafka does at rest, so the probe asks for a file, and a JVM is started only now and then. */}}
{{- define "kafka.copies" -}}
{{- $port := ternary 9094 9092 .Values.security.enabled -}}
# $in_step is there while each partition that this broker has a copy of, and whose leader lives, counts it among those in step (ISR).
in_step=/tmp/in-step
follow() {
  until listens; do sleep 1; done
  again=1
  while :; do
    if ! behind >/tmp/behind; then
      # What is not known changes nothing: a broker is not taken away because nobody could be asked.
      echo "Which copies are in step is not known: $(grep -m 1 -E "rror|xception" /tmp/copies || echo "no answer")"
    elif [ -s /tmp/behind ]; then
      echo "Partitions whose ISR lacks this broker: $(wc -l </tmp/behind), such as$(head -n 1 /tmp/behind)"
      rm -f "$in_step"
    else
      touch "$in_step"
    fi
    if [ -e "$in_step" ]; then
      again=1
      sleep {{ .Values.brokers.inSyncCheckSeconds }}
    else
      again=$((again < 32 ? again * 2 : 60))
      sleep "$again"
    fi
  done
}
# Where the other brokers find this one: before that, asking is in vain.
listens() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -qE ":{{ printf "%04X" $port }} 0+:0000 0A "; }
# Prints the partitions that wait for this broker's copy; fails where that is not known. A copy without a leader has nobody to be in
# step with, and one that is on its way here (a reassignment) is not needed yet.
behind() {
  . /etc/kafka/nodes
  [ "$brokers" -gt 1 ] || return 0
  java -Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=ERROR -cp "$KAFKA_LIBS/*" org.apache.kafka.tools.TopicCommand \
    --bootstrap-server "$POD_NAME.$SERVICE:{{ $port }}" --command-config /tmp/copies.properties \
    --describe --under-replicated-partitions >/tmp/copies 2>&1 || return
  grep -E "Leader: [0-9]+[[:space:]]+Replicas: ([0-9]+,)*$id[,[:space:]]" /tmp/copies |
    grep -vE "(Isr|Adding Replicas): ([0-9]+,)*$id([,[:space:]]|$)" || true
}
# A broker may ask for everything, as the node that it is.
printf '%s\n' default.api.timeout.ms=20000 request.timeout.ms=10000 >/tmp/copies.properties
{{- if .Values.security.enabled }}
printf '%s\n' security.protocol=SSL ssl.keystore.type=PEM ssl.keystore.location=/run/kafka/node.pem \
  ssl.truststore.type=PEM ssl.truststore.location=/etc/kafka-tls/ca.crt >>/tmp/copies.properties
{{- end }}
{{- end -}}
