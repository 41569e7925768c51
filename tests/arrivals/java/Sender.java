// Sends records as the Java client does, whatever is in them. Lines in, fields parted by tabs, bytes as base64, "-" is null:
//   send NUMBER CODEC STATE TOPIC PARTITION TIMESTAMP KEY VALUE NAME:VALUE,NAME:VALUE,…
//   end         all that was sent is acked; transactions end as their STATE says, those that are open stay so
//   release     the open transactions are aborted
// Lines out: acked NUMBER PARTITION OFFSET, failed NUMBER REASON, ended, released.
// Run from this file, with Kafka's jars on the class path: java -cp 'libs/*' Sender.java BOOTSTRAP RUN

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Sender {
    static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    /** One producer for each codec and state: a transaction is its producer's. */
    static final class Way {
        final KafkaProducer<byte[], byte[]> producer;
        final String state;
        boolean begun;

        Way(KafkaProducer<byte[], byte[]> producer, String state) {
            this.producer = producer;
            this.state = state;
        }

        boolean isTransactional() {
            return !state.equals("none");
        }

        void begin() {
            if (isTransactional() && !begun) {
                producer.beginTransaction();
                begun = true;
            }
        }

        void end() {
            producer.flush();
            if (begun && !state.equals("open")) {
                finish(state.equals("committed"));
            }
        }

        void finish(boolean commit) {
            begun = false;
            if (commit) {
                try {
                    producer.commitTransaction();
                    return;
                } catch (KafkaException refused) {
                    // A record that the broker refused: what was sent beside it is aborted, as the protocol wants it.
                }
            }
            producer.abortTransaction();
        }
    }

    static final Map<String, Way> WAYS = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        String line;
        while ((line = in.readLine()) != null) {
            String[] words = line.split("\t", -1);
            switch (words[0]) {
                case "send" -> send(words, arguments[0], arguments[1]);
                case "end" -> {
                    WAYS.values().forEach(Way::end);
                    say("ended");
                }
                case "release" -> {
                    WAYS.values().stream().filter(way -> way.begun).forEach(way -> way.finish(false));
                    say("released");
                }
                default -> throw new IllegalArgumentException(words[0]);
            }
        }
        WAYS.values().forEach(way -> way.producer.close());
    }

    static void send(String[] words, String bootstrap, String run) {
        String number = words[1];
        Way way = WAYS.computeIfAbsent(words[2] + "-" + words[3], name -> made(words[2], words[3], bootstrap, run));
        Long timestamp = words[6].equals("-") ? null : Long.valueOf(words[6]);
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(words[4], Integer.valueOf(words[5]), timestamp, bytes(words[7]), bytes(words[8]));
        if (!words[9].isEmpty()) {
            for (String header : words[9].split(",")) {
                String[] parts = header.split(":", -1);
                record.headers().add(new String(bytes(parts[0]), StandardCharsets.UTF_8), bytes(parts[1]));
            }
        }
        try {
            way.begin();
            way.producer.send(record, (place, fault) -> say(fault == null
                ? "acked\t" + number + "\t" + place.partition() + "\t" + place.offset()
                : "failed\t" + number + "\t" + fault.getClass().getSimpleName()));
        } catch (KafkaException fault) {
            say("failed\t" + number + "\t" + fault.getClass().getSimpleName());
        }
    }

    static Way made(String codec, String state, String bootstrap, String run) {
        Properties options = new Properties();
        options.put("bootstrap.servers", bootstrap);
        options.put("compression.type", codec);
        options.put("linger.ms", "20");
        options.put("max.request.size", String.valueOf(50_000_000));
        options.put("delivery.timeout.ms", "30000");
        options.put("request.timeout.ms", "10000");
        if (!state.equals("none")) {
            options.put("transactional.id", "java-" + run + "-" + codec + "-" + state);
        }
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(options, new ByteArraySerializer(), new ByteArraySerializer());
        if (!state.equals("none")) {
            producer.initTransactions();
        }
        return new Way(producer, state);
    }

    static byte[] bytes(String word) {
        return word.equals("-") ? null : Base64.getDecoder().decode(word);
    }

    static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }
}
