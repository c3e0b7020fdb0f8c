import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import javax.jms.BytesMessage;
import javax.jms.Connection;
import javax.jms.DeliveryMode;
import javax.jms.Destination;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.MessageConsumer;
import javax.jms.MessageListener;
import javax.jms.Session;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQMessageProducer;
import org.apache.activemq.AsyncCallback;

/**
 * The load generator in Java: ActiveMQ's own client, with the settings that it has by default.
 *
 * <p>Arguments are key=value, as {@code LoadShape} in src/load-shape.ts describes them. Each line of
 * the output is a JSON object with an "event". It ends with its standard input, so that it never
 * outlives whoever started it.
 */
public final class Load {
  /** Without a message for so long, those that are missing count as lost. */
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  private final Map<String, String> options = new HashMap<>();
  private final ActiveMQConnectionFactory factory;
  private final String destination;
  private final boolean isTopic;
  private final boolean isPersistent;
  private final int size;
  private final int window;
  private final int transaction;
  private final int rate;
  private final byte[] filling;

  /** What broke on a thread of the client; the next look at it ends the program. */
  private volatile Throwable failure;

  public static void main(String[] args) throws Exception {
    Commands commands = new Commands();
    Load load = new Load(args);
    try {
      String mode = load.options.get("mode");
      if (mode.equals("load")) load.load();
      else if (mode.equals("drain")) load.drain(commands);
      else if (mode.equals("idle")) load.idle(commands);
      else throw new IllegalArgumentException("There is no mode " + mode);
    } catch (Throwable error) {
      error.printStackTrace();
      System.exit(1);
    }
    // Closing thousands of connections one by one would measure nothing.
    Runtime.getRuntime().halt(0);
  }

  private Load(String[] args) {
    for (String arg : args) {
      int at = arg.indexOf('=');
      options.put(arg.substring(0, at), arg.substring(at + 1));
    }
    factory = new ActiveMQConnectionFactory(options.get("uri"));
    destination = options.getOrDefault("destination", "bench");
    isTopic = "true".equals(options.get("topic"));
    isPersistent = !"false".equals(options.get("persistent"));
    size = number("size", 1024);
    window = number("window", 1);
    transaction = number("transaction", 0);
    rate = number("rate", 0);
    filling = new byte[size - Long.BYTES];
    // Not zeros: neither a file system nor a device gets them for nothing.
    new Random(1).nextBytes(filling);
  }

  private int number(String key, int otherwise) {
    return Integer.parseInt(options.getOrDefault(key, String.valueOf(otherwise)));
  }

  // ---- Modes

  /** Producers and consumers at once: a warm-up, then the measured time. */
  private void load() throws Exception {
    List<Receiver> receivers = new ArrayList<>();
    for (int i = number("consumers", 0); i > 0; i--) receivers.add(new Receiver());
    List<Sender> senders = new ArrayList<>();
    for (int i = number("producers", 1); i > 0; i--) senders.add(new Sender());

    int warmUpSeconds = number("warmUpSeconds", 0);
    if (warmUpSeconds > 0) new Phase(senders, receivers).run(warmUpSeconds, Long.MAX_VALUE);
    System.out.println("{\"event\":\"measuring\"}");
    int count = number("count", 0);
    Phase phase = new Phase(senders, receivers);
    phase.run(count > 0 ? Integer.MAX_VALUE : number("seconds", 5), count > 0 ? count : Long.MAX_VALUE);
    System.out.println(phase.result());
  }

  /** Waits for a broker that is about to return, and takes all that it has kept. */
  private void drain(Commands commands) throws Exception {
    warmUpClient();
    System.out.println("{\"event\":\"ready\"}");
    commands.await("go");
    Receiver receiver = new Receiver(connectAsSoonAsPossible());
    long count = number("count", 1);
    receiver.await(1, this);
    long firstNanos = receiver.lastNanos;
    // Told in wall time, because whoever restarted the broker is another process.
    long firstWallMillis =
        System.currentTimeMillis() - (System.nanoTime() - firstNanos) / 1_000_000;
    receiver.await(count, this);
    double seconds = (receiver.lastNanos - firstNanos) / 1e9;
    System.out.printf(Locale.ROOT,
        "{\"event\":\"result\",\"sent\":0,\"received\":%d,\"seconds\":%.6f,\"firstWallMs\":%d}%n",
        receiver.received, seconds, firstWallMillis);
  }

  /** Connections that do nothing. */
  private void idle(Commands commands) throws Exception {
    // Kept, or the garbage collector might close them.
    List<Connection> connections = new ArrayList<>();
    for (int i = number("connections", 1000); i > 0; i--) connections.add(connect());
    System.out.println("{\"event\":\"ready\"}");
    commands.await("go");
    System.out.printf("{\"event\":\"result\",\"sent\":0,\"received\":0,\"seconds\":0,"
        + "\"connections\":%d}%n", connections.size());
  }

  /** Loads the client's classes through another destination, so that their time is not measured. */
  private void warmUpClient() throws Exception {
    Connection connection = connect();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Destination other = session.createQueue(destination + ".warm-up");
    javax.jms.MessageProducer producer = session.createProducer(other);
    producer.setDeliveryMode(DeliveryMode.NON_PERSISTENT);
    MessageConsumer consumer = session.createConsumer(other);
    for (int i = 0; i < 1000; i++) producer.send(session.createBytesMessage());
    for (int i = 0; i < 1000; i++) {
      if (consumer.receive(10_000) == null) throw new IllegalStateException("no warm-up message");
    }
    connection.close();
  }

  private Connection connectAsSoonAsPossible() throws Exception {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      try {
        return connect();
      } catch (JMSException refused) {
        if (System.nanoTime() > deadline) throw refused;
        Thread.sleep(2);
      }
    }
  }

  private Connection connect() throws JMSException {
    Connection connection = factory.createConnection();
    connection.setExceptionListener(error -> failure = error);
    connection.start();
    return connection;
  }

  private Destination destinationOf(Session session) throws JMSException {
    return isTopic ? session.createTopic(destination) : session.createQueue(destination);
  }

  // ---- Load

  /** A time of sending, and of waiting until all that was sent is received. */
  private final class Phase {
    private final List<Sender> senders;
    private final List<Receiver> receivers;
    private long sent;
    private long received;
    private long nanos;

    Phase(List<Sender> senders, List<Receiver> receivers) {
      this.senders = senders;
      this.receivers = receivers;
    }

    void run(int seconds, long count) throws Exception {
      long receivedBefore = 0;
      for (Receiver receiver : receivers) {
        receivedBefore += receiver.received;
        receiver.latencies.clear();
      }
      long start = System.nanoTime();
      long stop = start + seconds * 1_000_000_000L;
      List<Thread> threads = new ArrayList<>();
      for (Sender sender : senders) {
        long share = count == Long.MAX_VALUE ? count : count / senders.size();
        threads.add(new Thread(() -> sender.run(start, stop, share)));
      }
      for (Thread thread : threads) thread.start();
      for (Thread thread : threads) thread.join();
      check();

      long end = start;
      for (Sender sender : senders) {
        sent += sender.sent;
        end = Math.max(end, sender.endNanos);
      }
      if (!receivers.isEmpty()) {
        received = awaitReceived(receivedBefore, isTopic ? sent * receivers.size() : sent);
        for (Receiver receiver : receivers) end = Math.max(end, receiver.lastNanos);
      }
      nanos = end - start;
    }

    private long awaitReceived(long before, long expected) throws Exception {
      long last = -1;
      long patience = 0;
      while (true) {
        check();
        long now = -before;
        for (Receiver receiver : receivers) now += receiver.received;
        if (now >= expected) return now;
        if (now != last) {
          last = now;
          patience = System.nanoTime() + PATIENCE_NANOS;
        } else if (System.nanoTime() > patience) {
          throw new IllegalStateException("received " + now + " of " + expected);
        }
        Thread.sleep(1);
      }
    }

    String result() {
      Samples receipts = new Samples();
      for (Sender sender : senders) receipts.addAll(sender.latencies);
      Samples deliveries = new Samples();
      for (Receiver receiver : receivers) deliveries.addAll(receiver.latencies);
      return String.format(Locale.ROOT,
          "{\"event\":\"result\",\"sent\":%d,\"received\":%d,\"seconds\":%.6f,"
              + "\"receiptMs\":%s,\"deliveryMs\":%s}",
          sent, received, nanos / 1e9, receipts.toJson(), deliveries.toJson());
    }
  }

  /** A producer with a connection of its own. */
  private final class Sender {
    private final Session session;
    private final ActiveMQMessageProducer producer;
    private final Semaphore permits = new Semaphore(Math.max(1, window));
    final Samples latencies = new Samples();
    long sent;
    long endNanos;

    Sender() throws JMSException {
      session = connect().createSession(
          transaction > 0, transaction > 0 ? Session.SESSION_TRANSACTED : Session.AUTO_ACKNOWLEDGE);
      producer = (ActiveMQMessageProducer) session.createProducer(destinationOf(session));
      producer.setDeliveryMode(
          isPersistent ? DeliveryMode.PERSISTENT : DeliveryMode.NON_PERSISTENT);
    }

    void run(long start, long stop, long count) {
      latencies.clear();
      sent = 0;
      try {
        while (sent < count && System.nanoTime() < stop && failure == null) {
          if (transaction > 0) sendTransaction();
          else if (window > 1) sendAsynchronously(due(start));
          else sendAndWait(due(start));
        }
        // Every receipt is in when all permits are back.
        permits.acquire(Math.max(1, window));
        permits.release(Math.max(1, window));
      } catch (Exception error) {
        failure = error;
      }
      endNanos = System.nanoTime();
    }

    /**
     * When the next message is to be sent, waiting until then. At a fixed rate latency counts from
     * here, so that a message that waits behind a slow one shows it.
     */
    private long due(long start) {
      if (rate == 0) return System.nanoTime();
      long due = start + sent * 1_000_000_000L / rate;
      for (long ahead; (ahead = due - System.nanoTime()) > 0; ) LockSupport.parkNanos(ahead);
      return due;
    }

    /** The client waits for a receipt of persistent messages, and of no others. */
    private void sendAndWait(long due) throws JMSException {
      producer.send(message(due));
      if (isPersistent) latencies.add(System.nanoTime() - due);
      sent++;
    }

    private void sendAsynchronously(long due) throws Exception {
      permits.acquire();
      producer.send(message(due), new AsyncCallback() {
        @Override
        public void onSuccess() {
          latencies.add(System.nanoTime() - due);
          permits.release();
        }

        @Override
        public void onException(JMSException error) {
          failure = error;
          permits.release();
        }
      });
      sent++;
    }

    private void sendTransaction() throws JMSException {
      long begun = System.nanoTime();
      for (int i = 0; i < transaction; i++) producer.send(message(System.nanoTime()));
      session.commit();
      latencies.add(System.nanoTime() - begun);
      sent += transaction;
    }

    private Message message(long due) throws JMSException {
      BytesMessage message = session.createBytesMessage();
      message.writeLong(due);
      message.writeBytes(filling);
      return message;
    }
  }

  /** A consumer with a connection of its own, one acknowledgement per message or transaction. */
  private final class Receiver implements MessageListener {
    private final Session session;
    final Samples latencies = new Samples();
    volatile long received;
    volatile long lastNanos;

    Receiver() throws JMSException {
      this(connect());
    }

    Receiver(Connection connection) throws JMSException {
      session = connection.createSession(
          transaction > 0, transaction > 0 ? Session.SESSION_TRANSACTED : Session.AUTO_ACKNOWLEDGE);
      session.createConsumer(destinationOf(session)).setMessageListener(this);
    }

    @Override
    public void onMessage(Message message) {
      try {
        long sentAt = ((BytesMessage) message).readLong();
        if (transaction > 0 && (received + 1) % transaction == 0) session.commit();
        long now = System.nanoTime();
        latencies.add(now - sentAt);
        lastNanos = now;
        received = received + 1;
      } catch (Exception error) {
        failure = error;
      }
    }

    void await(long count, Load load) throws Exception {
      long last = -1;
      long patience = 0;
      while (received < count) {
        load.check();
        if (received != last) {
          last = received;
          patience = System.nanoTime() + PATIENCE_NANOS;
        } else if (System.nanoTime() > patience) {
          throw new IllegalStateException("received " + received + " of " + count);
        }
        LockSupport.parkNanos(200_000);
      }
    }
  }

  private void check() throws Exception {
    if (failure != null) throw new IllegalStateException("The client failed", failure);
  }

  /** Times of one kind. */
  private static final class Samples {
    private long[] nanos = new long[1024];
    private int count;

    synchronized void add(long value) {
      if (count == nanos.length) nanos = Arrays.copyOf(nanos, count * 2);
      nanos[count++] = value;
    }

    synchronized void addAll(Samples others) {
      for (int i = 0; i < others.count; i++) add(others.nanos[i]);
    }

    synchronized void clear() {
      count = 0;
    }

    synchronized String toJson() {
      if (count == 0) return "null";
      Arrays.sort(nanos, 0, count);
      return String.format(Locale.ROOT, "{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}",
          nanos[count / 2] / 1e6, nanos[(int) (count * 0.99)] / 1e6, nanos[count - 1] / 1e6);
    }
  }

  /** Lines of the standard input. */
  private static final class Commands {
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

    Commands() {
      Thread reader = new Thread(() -> {
        try {
          BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
          for (String line; (line = input.readLine()) != null; ) lines.add(line);
        } catch (Exception ended) {
          // As good as the end of the input.
        }
        Runtime.getRuntime().halt(1);
      });
      reader.setDaemon(true);
      reader.start();
    }

    void await(String command) throws InterruptedException {
      while (!lines.take().equals(command)) { }
    }
  }
}
