// What each user has spent, made by a Java service from the log alone: how to read this shop's topics from elsewhere.
// java -cp 'kafka/libs/*' Spending.java localhost:9092
// It reads shop.purchases from its start to where it ends now, and prints a line a user: userid, purchases, total.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Spending {
    record Purchase(String userid, int partition, BigDecimal price) {}

    private final ObjectMapper json = new ObjectMapper();
    private final Map<String, Purchase> purchases = new HashMap<>();
    private final Set<String> seen = new HashSet<>();

    public static void main(String[] arguments) throws Exception {
        var settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("isolation.level", "read_committed"); // what a transaction took back was never said
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
            new Spending().read(consumer, "shop.purchases");
        }
    }

    void read(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
            .map(each -> new TopicPartition(topic, each.partition())).collect(Collectors.toList());
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        // A position moves over markers of transactions as well; a record's own offset would never come to the end.
        while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.get(each))) {
            for (var record : consumer.poll(Duration.ofSeconds(1))) {
                try {
                    apply(record);
                } catch (Exception error) { // the shop refused it as well: one bad record stops nobody
                    System.err.println("left out " + topic + "-" + record.partition() + "-" + record.offset());
                }
            }
        }
        print();
    }

    /** One event. Within a partition they come in order, and one user's are all in one partition. */
    void apply(ConsumerRecord<byte[], byte[]> record) throws Exception {
        String type = header(record, "ce_type");
        if (type == null || record.value() == null) return; // somebody else's, or no event at all
        JsonNode data = json.readTree(record.value());
        switch (type) {
            case "shop.purchase.made.v1" -> made(record, data);
            case "shop.user.erased.v1" -> erased(record, data);
            default -> { } // a type of a later release
        }
    }

    /** The log has an event at least once: the same id again changes nothing. */
    void made(ConsumerRecord<byte[], byte[]> record, JsonNode data) {
        String id = header(record, "ce_id");
        if (!seen.add(id)) return;
        var price = new BigDecimal(data.get("price").asText()); // a text, so that no digit is lost
        purchases.put(id, new Purchase(data.get("userid").asText(), record.partition(), price));
    }

    /** An erasure stands in every partition. Each copy takes what its own partition told before it; ids stay known. */
    void erased(ConsumerRecord<byte[], byte[]> record, JsonNode data) {
        String userid = data.get("userid").asText();
        if (!seen.add(header(record, "ce_id") + "/" + record.partition())) return;
        boolean everywhere = header(record, "ce_copies") == null;
        purchases.values().removeIf(each ->
            each.userid().equals(userid) && (everywhere || each.partition() == record.partition()));
    }

    void print() {
        var totals = new TreeMap<String, BigDecimal>();
        var counts = new HashMap<String, Integer>();
        for (Purchase each : purchases.values()) {
            totals.merge(each.userid(), each.price(), BigDecimal::add);
            counts.merge(each.userid(), 1, Integer::sum);
        }
        totals.forEach((userid, total) -> System.out.println(userid + "\t" + counts.get(userid) + "\t" + total));
    }

    private static String header(ConsumerRecord<?, ?> record, String name) {
        Header found = record.headers().lastHeader(name);
        return found == null ? null : new String(found.value(), StandardCharsets.UTF_8);
    }
}
