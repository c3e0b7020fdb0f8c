import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.TransportConnector;
import org.apache.activemq.broker.region.policy.*;

/**
 * What applications meet at full queues through JMS. Argument: the URI of a broker with the policies of
 * {@link #activeMq}, or `activemq` for one of its own. For each scenario one line says `ok NAME` or
 * `failed NAME: why`.
 *
 * With `send` or `receive` and a URI: fills a queue that pages and one with a count of messages, or says
 * what is in the first, and whether the second is still full.
 */
public final class JmsLimits {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that a sender does not go on. */
  private static final long SILENCE_MS = 300;
  /** More messages than the memory of a queue is for. */
  private static final int TOO_MANY = 40;
  private static final long MEMORY_LIMIT = 16 * 1024;
  private static final long TIMEOUT_MS = 400;

  private interface Scenario {
    void run() throws Exception;
  }

  private interface Arrival {
    void came(int number, Message message) throws JMSException;
  }

  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final String uri;
  private final Connection connection;
  private final Session session;

  private JmsLimits(String uri) throws JMSException {
    this.uri = uri;
    connection = connect("jms.alwaysSyncSend=true");
    session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    scenarios.put("a sender waits for memory until messages are consumed", this::waits);
    scenarios.put("a full queue that lets nobody wait throws ResourceAllocationException", this::fails);
    scenarios.put("a sender is refused when the time of the policy is over", this::timesOut);
    scenarios.put("a window stops async sends, not the consumers of the connection", this::window);
    scenarios.put("what waited with a window arrives in its order", this::windowOrder);
    scenarios.put("a queue without flow control takes more than its memory, in order", this::pages);
    scenarios.put("acks of a full queue make room", this::acks);
    scenarios.put("a transaction that finds no room is not committed", this::transaction);
  }

  public static void main(String[] args) throws Exception {
    if (args.length > 1) {
      acrossTakeover(args[0], args[1]);
      return;
    }
    String uri = args[0].equals("activemq") ? startActiveMq() : args[0];
    System.exit(new JmsLimits(uri).runAll() ? 0 : 1);
  }

  /** Returns its URI. Messages must pass a socket to be what clients of other machines see. */
  private static String startActiveMq() throws Exception {
    BrokerService broker = activeMq();
    TransportConnector connector = broker.addConnector("tcp://127.0.0.1:0");
    broker.start();
    return connector.getConnectUri().toString();
  }

  private static BrokerService activeMq() throws IOException {
    BrokerService broker = new BrokerService();
    broker.setBrokerName("limits");
    broker.setPersistent(false);
    broker.setUseJmx(false);
    broker.setTmpDataDirectory(Files.createTempDirectory("jms-limits").toFile());
    PolicyEntry fail = entry("FAIL.>");
    fail.setSendFailIfNoSpace(true);
    PolicyEntry timeout = entry("TIMEOUT.>");
    timeout.setSendFailIfNoSpaceAfterTimeout(TIMEOUT_MS);
    PolicyEntry page = entry("PAGE.>");
    page.setProducerFlowControl(false);
    PolicyMap policies = new PolicyMap();
    policies.setPolicyEntries(List.of(entry("BLOCK.>"), fail, timeout, page));
    broker.setDestinationPolicy(policies);
    return broker;
  }

  private static PolicyEntry entry(String queue) {
    PolicyEntry entry = new PolicyEntry();
    entry.setQueue(queue);
    entry.setMemoryLimit(MEMORY_LIMIT);
    return entry;
  }

  private boolean runAll() {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      try {
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        System.out.println("failed " + entry.getKey() + ": " + problem);
      }
    }
    return isEverythingOk;
  }

  private void waits() throws Exception {
    Sender sender = new Sender(session, "BLOCK.WAITS");
    int before = sender.stopsBefore(TOO_MANY);
    expectAll("BLOCK.WAITS", TOO_MANY);
    sender.ends();
    check(before < TOO_MANY, "all were taken at once");
  }

  private void fails() throws Exception {
    int taken = fill("FAIL.FAILS");
    expectAll("FAIL.FAILS", taken);
    send(session, "FAIL.FAILS", 0);
    expectAll("FAIL.FAILS", 1);
  }

  private void timesOut() throws Exception {
    long before = System.nanoTime();
    fill("TIMEOUT.A");
    long elapsedMs = (System.nanoTime() - before) / 1_000_000;
    check(elapsedMs >= TIMEOUT_MS, "refused after " + elapsedMs + " ms");
  }

  private void window() throws Exception {
    Set<Integer> came = new HashSet<>();
    throughWindow("BLOCK.WINDOW", (number, message) -> came.add(message.getIntProperty("number")));
    check(came.size() == TOO_MANY, "only " + came.size() + " came");
  }

  private void windowOrder() throws Exception {
    throughWindow("BLOCK.ORDER", JmsLimits::checkNumber);
  }

  private void throughWindow(String queue, Arrival arrival) throws Exception {
    Connection windowed = connect("jms.useAsyncSend=true&jms.producerWindowSize=4096");
    try {
      Session sending = windowed.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Session receiving = windowed.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer other = receiving.createConsumer(receiving.createQueue("ELSEWHERE"));
      Sender sender = new Sender(sending, queue);
      int before = sender.stopsBefore(TOO_MANY);
      check(before < TOO_MANY, "all were taken at once");
      send(session, "ELSEWHERE", 7);
      expect(other, 7);
      receiveAll(queue, TOO_MANY, arrival);
      sender.ends();
    } finally {
      windowed.close();
    }
  }

  private void pages() throws Exception {
    pageAll("PAGE.A");
    expectAll("PAGE.A", TOO_MANY);
  }

  private void acks() throws Exception {
    int taken = fill("FAIL.ACKS");
    Session own = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    MessageConsumer consumer = own.createConsumer(own.createQueue("FAIL.ACKS"));
    for (int number = 0; number < taken; number += 1) expect(consumer, number).acknowledge();
    own.close();
    send(session, "FAIL.ACKS", 0);
  }

  private void transaction() throws Exception {
    int taken = fill("FAIL.TRANSACTION");
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    JMSException refusal = null;
    try {
      send(transacted, "FAIL.TRANSACTION", taken);
      transacted.commit();
    } catch (JMSException expected) {
      refusal = expected;
    }
    check(refusal != null, "the commit went through");
    transacted.close();
    expectAll("FAIL.TRANSACTION", taken);
    MessageConsumer consumer = session.createConsumer(session.createQueue("FAIL.TRANSACTION"));
    check(consumer.receive(SILENCE_MS) == null, "a message of the transaction arrived");
    consumer.close();
  }

  private static void acrossTakeover(String what, String uri) throws Exception {
    JmsLimits client = new JmsLimits(uri);
    if (what.equals("send")) {
      client.pageAll("PAGE.KILL");
      System.out.println("sent, and counted " + client.fill("COUNT.KILL"));
    } else {
      int first = client.receiveRest("PAGE.KILL");
      System.out.println("received from " + first + ", and counted " + client.fill("COUNT.KILL"));
    }
    System.exit(0);
  }

  private void pageAll(String queue) throws JMSException {
    for (int number = 0; number < TOO_MANY; number += 1) send(session, queue, number);
  }

  /** Receives all that is there, which must be in order up to the last; returns the first. */
  private int receiveRest(String queue) throws JMSException {
    MessageConsumer consumer = session.createConsumer(session.createQueue(queue));
    int first = receive(consumer).getIntProperty("number");
    for (int number = first + 1; number < TOO_MANY; number += 1) expect(consumer, number);
    consumer.close();
    return first;
  }

  /** Sends until it is refused, as it must be; returns how many were taken. */
  private int fill(String queue) throws Exception {
    for (int number = 0; number < TOO_MANY; number += 1) {
      try {
        send(session, queue, number);
      } catch (ResourceAllocationException expected) {
        return number;
      }
    }
    throw new AssertionError("all were taken");
  }

  private Connection connect(String options) throws JMSException {
    Connection made = new ActiveMQConnectionFactory(uri + "?" + options).createConnection();
    made.start();
    return made;
  }

  private static void send(Session by, String queue, int number) throws JMSException {
    MessageProducer producer = by.createProducer(by.createQueue(queue));
    boolean isCounted = queue.startsWith("COUNT.");
    producer.setDeliveryMode(isCounted ? DeliveryMode.PERSISTENT : DeliveryMode.NON_PERSISTENT);
    producer.send(numbered(by, number));
    producer.close();
  }

  private static Message numbered(Session by, int number) throws JMSException {
    BytesMessage message = by.createBytesMessage();
    message.setIntProperty("number", number);
    message.writeBytes(new byte[1024]);
    return message;
  }

  private void expectAll(String queue, int count) throws Exception {
    receiveAll(queue, count, JmsLimits::checkNumber);
  }

  private void receiveAll(String queue, int count, Arrival arrival) throws Exception {
    Connection own = connect("jms.prefetchPolicy.queuePrefetch=1");
    try {
      Session receiving = own.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer consumer = receiving.createConsumer(receiving.createQueue(queue));
      for (int number = 0; number < count; number += 1) {
        arrival.came(number, receive(consumer));
      }
    } finally {
      own.close();
    }
  }

  private static Message expect(MessageConsumer consumer, int number) throws JMSException {
    Message message = receive(consumer);
    checkNumber(number, message);
    return message;
  }

  private static Message receive(MessageConsumer consumer) throws JMSException {
    Message message = consumer.receive(PATIENCE_MS);
    check(message != null, "nothing came");
    return message;
  }

  private static void checkNumber(int number, Message message) throws JMSException {
    int came = message.getIntProperty("number");
    check(came == number, came + " came in place of " + number);
  }

  private static void check(boolean condition, String problem) {
    if (!condition) throw new AssertionError(problem);
  }

  /** Sends on a thread of its own, with one producer. */
  private static final class Sender {
    private final AtomicInteger sentCount = new AtomicInteger();
    private final Thread thread;
    private volatile Throwable problem;

    Sender(Session session, String queue) throws JMSException {
      MessageProducer producer = session.createProducer(session.createQueue(queue));
      producer.setDeliveryMode(DeliveryMode.NON_PERSISTENT);
      thread =
          new Thread(
              () -> {
                try {
                  for (int number = 0; number < TOO_MANY; number += 1) {
                    producer.send(numbered(session, number));
                    sentCount.incrementAndGet();
                  }
                } catch (Throwable thrown) {
                  problem = thrown;
                }
              });
      thread.start();
    }

    /** Waits until nothing more is sent, and says how many were. */
    int stopsBefore(int end) throws InterruptedException {
      int before;
      do {
        before = sentCount.get();
        Thread.sleep(SILENCE_MS);
      } while (before == 0 || (before < end && sentCount.get() > before));
      return before;
    }

    void ends() throws InterruptedException {
      thread.join(PATIENCE_MS);
      check(problem == null, "the sender failed: " + problem);
      check(sentCount.get() == TOO_MANY, "the sender sent only " + sentCount.get());
    }
  }
}
