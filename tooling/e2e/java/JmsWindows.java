import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.HashSet;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Producers whose sends ask for no answer and are held back by a window, through JMS. Argument: the broker's URI. For
 * each scenario one line says `ok NAME` or `failed NAME: why`. With `full` after it, a broker whose queues are small and
 * that refuses sends to wildcards has scenarios of its own.
 *
 * With `takeover`, a `failover:` URI and a count: a producer with a window sends while its broker
 * dies. Says HALFWAY and waits for a line, goes on, and says what arrived.
 */
public final class JmsWindows {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 300;
  /** What about four messages count for. */
  private static final int WINDOW_BYTES = 8 * 1024;
  private static final String TEXT = " ".repeat(900);

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private Connection connection;
  private int number;

  private JmsWindows(String uri, boolean isFull) {
    factory = factory(uri);
    if (isFull) {
      scenarios.put("a send that fails gives its room back", this::failing);
      scenarios.put("a producer that waits for room holds up nobody else", this::full);
      return;
    }
    scenarios.put("every persistent message arrives, in order", () -> arrive("", DeliveryMode.PERSISTENT));
    scenarios.put("every non-persistent message arrives, in order", () -> arrive("", DeliveryMode.NON_PERSISTENT));
    scenarios.put("every message to a topic arrives, in order", this::topic);
    scenarios.put("a producer may have a window of its own", this::ownWindow);
    scenarios.put("a transaction may be larger than the window", this::transacted);
    scenarios.put("a message may be larger than the window", this::large);
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("takeover")) takeOver(args[1], Integer.parseInt(args[2]));
    else System.exit(new JmsWindows(args[0], args.length > 1).runAll() ? 0 : 1);
  }

  private static ActiveMQConnectionFactory factory(String uri) {
    ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(uri);
    factory.setUseAsyncSend(true);
    factory.setProducerWindowSize(WINDOW_BYTES);
    return factory;
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      number++;
      connection = factory.createConnection();
      try {
        connection.start();
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        System.out.println("failed " + entry.getKey() + ": " + problem);
      } finally {
        connection.close();
      }
    }
    return isEverythingOk;
  }

  private void arrive(String options, int deliveryMode) throws Exception {
    Session session = session();
    send(session, queue(session, options), deliveryMode, 0, 300);
    expect(session.createConsumer(queue(session, "")), 300);
  }

  private void topic() throws Exception {
    Session session = session();
    Topic topic = session.createTopic("windows.topic");
    MessageConsumer consumer = session.createConsumer(topic);
    Session sending = session();
    send(sending, topic, DeliveryMode.NON_PERSISTENT, 0, 300);
    expect(consumer, 300);
  }

  private void ownWindow() throws Exception {
    arrive("?producer.windowSize=2048", DeliveryMode.PERSISTENT);
  }

  private void transacted() throws Exception {
    Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
    send(session, queue(session, ""), DeliveryMode.PERSISTENT, 0, 100);
    MessageConsumer consumer = session().createConsumer(queue(session, ""));
    check(consumer.receive(SILENCE_MS) == null, "nothing comes before the commit");
    session.commit();
    expect(consumer, 100);
  }

  private void large() throws Exception {
    Session session = session();
    MessageProducer producer = session.createProducer(queue(session, ""));
    for (int index = 0; index < 5; index++) {
      producer.send(session.createTextMessage(index + " ".repeat(3 * WINDOW_BYTES)));
    }
    expect(session.createConsumer(queue(session, "")), 5);
  }

  private void failing() throws Exception {
    Session session = session();
    // A wildcard is no place to send to.
    MessageProducer producer = session.createProducer(null);
    for (int index = 0; index < 50; index++) {
      producer.send(session.createQueue("windows.refused.>"), session.createTextMessage(TEXT));
    }
    for (int index = 0; index < 50; index++) {
      producer.send(queue(session, ""), session.createTextMessage(index + TEXT));
    }
    expect(session.createConsumer(queue(session, "")), 50);
  }

  private void full() throws Exception {
    Session sending = session();
    Thread waiting = new Thread(() -> {
      try {
        send(sending, queue(sending, ".full"), DeliveryMode.NON_PERSISTENT, 0, 300);
      } catch (JMSException problem) {
        problem.printStackTrace();
      }
    });
    waiting.start();
    waiting.join(4 * SILENCE_MS);
    check(waiting.isAlive(), "it waits, for the queue is full");
    Session session = session();
    send(session, queue(session, ".other"), DeliveryMode.PERSISTENT, 0, 20);
    expect(session.createConsumer(queue(session, ".other")), 20);
    check(waiting.isAlive(), "it still waits");
    expect(session.createConsumer(queue(session, ".full")), 300);
    waiting.join(PATIENCE_MS);
    check(!waiting.isAlive(), "it goes on");
  }

  private Session session() throws JMSException {
    return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
  }

  private Queue queue(Session session, String rest) throws JMSException {
    return session.createQueue("windows." + number + rest);
  }

  private static void send(Session session, Destination to, int deliveryMode, int from, int end)
      throws JMSException {
    MessageProducer producer = session.createProducer(to);
    producer.setDeliveryMode(deliveryMode);
    for (int index = from; index < end; index++) producer.send(session.createTextMessage(index + TEXT));
  }

  private static void expect(MessageConsumer consumer, int count) throws JMSException {
    for (int index = 0; index < count; index++) {
      TextMessage message = (TextMessage) consumer.receive(PATIENCE_MS);
      check(message != null, "message " + index + " comes");
      String text = message.getText().trim();
      check(text.equals(String.valueOf(index)), text + " is " + index);
    }
    check(consumer.receive(SILENCE_MS) == null, "no more come");
  }

  private static void check(boolean condition, String claim) {
    if (!condition) throw new AssertionError("not true: " + claim);
  }

  // --- the takeover

  private static void takeOver(String uri, int count) throws Exception {
    Connection connection = factory(uri).createConnection();
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("windows.takeover");
    MessageProducer producer = session.createProducer(queue);
    Thread sender = new Thread(() -> {
      try {
        for (int index = 0; index < count; index++) {
          producer.send(session.createTextMessage(index + TEXT));
          if (index == count / 2) System.out.println("HALFWAY");
        }
        System.out.println("SENT");
      } catch (JMSException problem) {
        System.out.println("failed " + problem);
      }
    });
    sender.start();
    System.in.read();
    sender.join();
    MessageConsumer consumer = connection.createSession(false, Session.AUTO_ACKNOWLEDGE).createConsumer(queue);
    Set<String> received = new HashSet<>();
    int again = 0;
    for (TextMessage message; (message = (TextMessage) consumer.receive(2_000)) != null;) {
      if (!received.add(message.getText().trim()) && !message.getJMSRedelivered()) again++;
    }
    System.out.println("received " + received.size() + " of " + count + ", " + again + " twice");
    System.exit(0);
  }
}
