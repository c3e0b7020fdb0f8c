import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Consumers without a prefetch, which ask for each message, through JMS. Argument: the broker's URI. For
 * each scenario one line says `ok NAME` or `failed NAME: why`.
 *
 * With `takeover`, a `failover:` URI and a count: consumers wait in a receive without end, and in one
 * with, while their broker dies. Says WAITING and waits for a line, then sends, and says what arrived.
 */
public final class JmsPull {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 200;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private Connection connection;
  private int number;

  private JmsPull(String uri) {
    factory = factory(uri);
    scenarios.put("a receive waits not at all, for its time, or without end", this::timeouts);
    scenarios.put("nothing is taken in advance", this::fair);
    scenarios.put("what comes after a receive has ended is not taken", this::ended);
    scenarios.put("a selector finds what is behind others", this::selector);
    scenarios.put("a wildcard receives from every queue it covers", this::wildcard);
    scenarios.put("a list of queues receives from each", this::composite);
    scenarios.put("a durable subscription receives what was kept", this::durable);
    scenarios.put("a rollback is received again, and then what follows", this::rollback);
    scenarios.put("what a consumer had is received by the next one, as redelivered", this::redelivered);
    scenarios.put("acknowledging one by one leaves the others", this::acknowledge);
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("takeover")) takeOver(args[1], Integer.parseInt(args[2]));
    else System.exit(new JmsPull(args[0]).runAll() ? 0 : 1);
  }

  private static ActiveMQConnectionFactory factory(String uri) {
    ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(uri);
    factory.getPrefetchPolicy().setAll(0);
    factory.getRedeliveryPolicy().setInitialRedeliveryDelay(0);
    return factory;
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      number++;
      connection = factory.createConnection();
      try {
        connection.setClientID("pull" + number);
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

  private void timeouts() throws Exception {
    Session session = session();
    MessageConsumer consumer = session.createConsumer(queue(""));
    equal(text(consumer.receiveNoWait()), "nothing");
    long begunAt = System.nanoTime();
    equal(text(consumer.receive(300)), "nothing");
    long tookMs = (System.nanoTime() - begunAt) / 1_000_000;
    check(tookMs >= 290 && tookMs < 5_000, "it waits for its time, not for " + tookMs + " ms");
    send("", "1", "2");
    equal(text(consumer.receiveNoWait()), "1");
    equal(text(consumer.receive(PATIENCE_MS)), "2");
    Thread later = new Thread(() -> {
      try {
        Thread.sleep(300);
        send("", "3");
      } catch (Exception problem) {
        problem.printStackTrace();
      }
    });
    later.start();
    equal(text(consumer.receive()), "3");
    later.join();
    equal(text(consumer.receiveNoWait()), "nothing");
  }

  private void fair() throws Exception {
    MessageConsumer busy = session().createConsumer(queue(""));
    MessageConsumer free = session().createConsumer(queue(""));
    send("", "1", "2", "3");
    equal(text(busy.receive(PATIENCE_MS)), "1");
    equal(text(free.receive(PATIENCE_MS)), "2");
    equal(text(free.receive(PATIENCE_MS)), "3");
    equal(text(busy.receiveNoWait()), "nothing");
  }

  private void ended() throws Exception {
    MessageConsumer first = session().createConsumer(queue(""));
    equal(text(first.receive(50)), "nothing");
    equal(text(first.receiveNoWait()), "nothing");
    send("", "1");
    MessageConsumer second = session().createConsumer(queue(""));
    equal(text(second.receive(PATIENCE_MS)), "1");
  }

  private void selector() throws Exception {
    Session session = session();
    MessageProducer producer = session.createProducer(queue(""));
    for (int index = 0; index < 100; index++) {
      TextMessage message = session.createTextMessage(String.valueOf(index));
      message.setIntProperty("number", index);
      producer.send(message);
    }
    MessageConsumer consumer = session.createConsumer(queue(""), "number >= 98");
    equal(text(consumer.receive(PATIENCE_MS)), "98");
    equal(text(consumer.receive(PATIENCE_MS)), "99");
    equal(text(consumer.receiveNoWait()), "nothing");
  }

  private void wildcard() throws Exception {
    send(".a", "a");
    MessageConsumer consumer = session().createConsumer(queue(".>"));
    equal(text(consumer.receive(PATIENCE_MS)), "a");
    equal(text(consumer.receiveNoWait()), "nothing");
    send(".new", "new");
    equal(text(consumer.receive(PATIENCE_MS)), "new");
    equal(text(consumer.receive(SILENCE_MS)), "nothing");
  }

  private void composite() throws Exception {
    MessageConsumer consumer = session().createConsumer(
        session().createQueue("pull.composite.a,pull.composite.b"));
    equal(text(consumer.receiveNoWait()), "nothing");
    for (String name : new String[] {"a", "b"}) {
      Session session = session();
      session.createProducer(session.createQueue("pull.composite." + name)).send(session.createTextMessage(name));
    }
    Set<String> received = new TreeSet<>();
    for (int count = 0; count < 2; count++) received.add(text(consumer.receive(PATIENCE_MS)));
    equal(received.toString(), "[a, b]");
    equal(text(consumer.receive(SILENCE_MS)), "nothing");
  }

  private void durable() throws Exception {
    Session session = session();
    Topic topic = session.createTopic("pull.topic");
    session.createDurableSubscriber(topic, "kept").close();
    MessageProducer producer = session.createProducer(topic);
    for (String text : new String[] {"1", "2"}) producer.send(session.createTextMessage(text));
    TopicSubscriber subscriber = session.createDurableSubscriber(topic, "kept");
    equal(text(subscriber.receive(PATIENCE_MS)), "1");
    equal(text(subscriber.receiveNoWait()), "2");
    equal(text(subscriber.receive(SILENCE_MS)), "nothing");
    subscriber.close();
    session.unsubscribe("kept");
  }

  private void rollback() throws Exception {
    Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = session.createConsumer(queue(""));
    send("", "1", "2");
    equal(text(consumer.receive(PATIENCE_MS)), "1");
    session.rollback();
    Message again = consumer.receive(PATIENCE_MS);
    equal(text(again), "1");
    check(again.getJMSRedelivered(), "it says so");
    session.commit();
    equal(text(consumer.receive(PATIENCE_MS)), "2");
    session.commit();
    equal(text(consumer.receiveNoWait()), "nothing");
  }

  private void redelivered() throws Exception {
    send("", "1", "2");
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    MessageConsumer gone = session.createConsumer(queue(""));
    equal(text(gone.receive(PATIENCE_MS)), "1");
    gone.close();
    session.close();
    MessageConsumer next = session().createConsumer(queue(""));
    Message first = next.receive(PATIENCE_MS);
    equal(text(first), "1");
    check(first.getJMSRedelivered(), "it was delivered before");
    Message second = next.receiveNoWait();
    equal(text(second), "2");
    check(!second.getJMSRedelivered(), "nobody had this one");
  }

  private void acknowledge() throws Exception {
    send("", "1", "2", "3");
    Session session = connection.createSession(false, org.apache.activemq.ActiveMQSession.INDIVIDUAL_ACKNOWLEDGE);
    MessageConsumer consumer = session.createConsumer(queue(""));
    List<Message> received = new ArrayList<>();
    for (int count = 0; count < 3; count++) received.add(consumer.receive(PATIENCE_MS));
    received.get(1).acknowledge();
    session.close();
    MessageConsumer next = session().createConsumer(queue(""));
    equal(text(next.receive(PATIENCE_MS)), "1");
    equal(text(next.receive(PATIENCE_MS)), "3");
    equal(text(next.receiveNoWait()), "nothing");
  }

  private Session session() throws JMSException {
    return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
  }

  private Queue queue(String suffix) throws JMSException {
    return session().createQueue("pull." + number + suffix);
  }

  private void send(String suffix, String... texts) throws JMSException {
    Session session = session();
    MessageProducer producer = session.createProducer(queue(suffix));
    for (String text : texts) producer.send(session.createTextMessage(text));
    session.close();
  }

  private static String text(Message message) throws JMSException {
    return message == null ? "nothing" : ((TextMessage) message).getText();
  }

  private static void equal(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  private static void check(boolean condition, String claim) {
    if (!condition) throw new AssertionError("not true: " + claim);
  }

  // --- the takeover

  private static void takeOver(String uri, int count) throws Exception {
    Connection connection = factory(uri).createConnection();
    connection.start();
    Session sending = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = sending.createProducer(sending.createQueue("pull.takeover"));
    Set<String> received = new TreeSet<>();
    List<Thread> receivers = new ArrayList<>();
    // Both have something to wait for when their broker dies.
    for (long timeoutMs : new long[] {0, 3 * PATIENCE_MS}) {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer consumer = session.createConsumer(session.createQueue("pull.takeover"));
      Thread receiver = new Thread(() -> receive(consumer, timeoutMs, received));
      receiver.setDaemon(true);
      receiver.start();
      receivers.add(receiver);
    }
    for (int index = 0; index < count / 2; index++) producer.send(sending.createTextMessage("" + index));
    await(received, count / 2);
    // Acks ride with the next write. Without it some may be lost with the broker, and this client answers what
    // comes again with a poison ack but does not ask for another message.
    sending.createProducer(sending.createQueue("pull.takeover.acked")).send(sending.createTextMessage());
    System.out.println("WAITING");
    System.in.read();
    for (int index = count / 2; index < count; index++) producer.send(sending.createTextMessage("" + index));
    await(received, count);
    System.out.println("received " + received.size() + " of " + count);
    System.exit(0);
  }

  private static void await(Set<String> received, int count) throws InterruptedException {
    long endAt = System.nanoTime() + 2 * PATIENCE_MS * 1_000_000;
    for (boolean isDone = false; !isDone && System.nanoTime() < endAt; ) {
      Thread.sleep(20);
      synchronized (received) {
        isDone = received.size() == count;
      }
    }
  }

  private static void receive(MessageConsumer consumer, long timeoutMs, Set<String> received) {
    try {
      for (;;) {
        Message message = timeoutMs == 0 ? consumer.receive() : consumer.receive(timeoutMs);
        if (message == null) continue;
        synchronized (received) {
          received.add(text(message));
        }
      }
    } catch (JMSException problem) {
      System.out.println("failed " + problem);
    }
  }
}
