import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQSession;

/**
 * What applications do with durable subscriptions through JMS. Argument: the broker's URI. For each
 * scenario one line says `ok NAME` or `failed NAME: why`.
 *
 * With `takeover`, a `failover:` URI and a count: a durable subscriber and a producer carry on across a
 * takeover. Says HALFWAY and waits for a line, then says what arrived.
 */
public final class JmsDurable {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 150;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final List<Connection> connections = new ArrayList<>();
  private int number;

  private JmsDurable(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("what is sent while it is away is kept", this::away);
    scenarios.put("non-persistent messages are not kept", this::nonPersistent);
    scenarios.put("its selector decides what is kept", this::selector);
    scenarios.put("with another selector it starts anew", this::anotherSelector);
    scenarios.put("noLocal leaves out what its connection sends", this::noLocal);
    scenarios.put("a wildcard keeps what is sent to all it covers", this::wildcard);
    scenarios.put("individual acknowledge leaves the others", this::individual);
    scenarios.put("receives of a transaction come back after its rollback", this::transacted);
    scenarios.put("one that is in use is refused", this::inUse);
    scenarios.put("unsubscribing removes it with its messages", this::unsubscribe);
    scenarios.put("unsubscribing is refused while it is in use, and for unknown names", this::unsubscribeRefused);
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("takeover")) takeOver(args[1], Integer.parseInt(args[2]));
    else System.exit(new JmsDurable(args[0]).runAll() ? 0 : 1);
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      number++;
      try {
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        System.out.println("failed " + entry.getKey() + ": " + problem);
      } finally {
        for (Connection connection : connections) connection.close();
        connections.clear();
      }
    }
    return isEverythingOk;
  }

  private void away() throws Exception {
    subscribe(open(), null, false).close();
    closeAll();
    send("1", "2");
    Session session = open();
    TopicSubscriber subscriber = subscribe(session, null, false);
    expect(subscriber, "1", "2");
    send("3");
    expect(subscriber, "3");
  }

  private void nonPersistent() throws Exception {
    Session session = open();
    subscribe(session, null, false).close();
    MessageProducer producer = session.createProducer(topic(session));
    producer.setDeliveryMode(DeliveryMode.NON_PERSISTENT);
    producer.send(session.createTextMessage("lost"));
    TopicSubscriber subscriber = subscribe(session, null, false);
    producer.send(session.createTextMessage("live"));
    expect(subscriber, "live");
  }

  private void selector() throws Exception {
    Session session = open();
    subscribe(session, "color = 'red'", false).close();
    sendColored(session, "red", "blue", "red");
    TopicSubscriber subscriber = subscribe(session, "color = 'red'", false);
    expect(subscriber, "red", "red");
    nothing(subscriber);
  }

  private void anotherSelector() throws Exception {
    Session session = open();
    subscribe(session, "color = 'red'", false).close();
    sendColored(session, "red", "blue");
    TopicSubscriber subscriber = subscribe(session, "color = 'blue'", false);
    nothing(subscriber);
    sendColored(session, "red", "blue");
    expect(subscriber, "blue");
  }

  private void noLocal() throws Exception {
    Session session = open();
    TopicSubscriber subscriber = subscribe(session, null, true);
    MessageProducer producer = session.createProducer(topic(session));
    producer.send(session.createTextMessage("own"));
    send("foreign");
    expect(subscriber, "foreign");
    nothing(subscriber);
  }

  private void wildcard() throws Exception {
    Session session = open();
    Topic all = session.createTopic("durable." + number + ".>");
    session.createDurableSubscriber(all, "sub").close();
    for (String part : new String[] {"a", "b.c"}) {
      Topic topic = session.createTopic("durable." + number + "." + part);
      session.createProducer(topic).send(session.createTextMessage(part));
    }
    TopicSubscriber subscriber = session.createDurableSubscriber(all, "sub");
    for (String part : new String[] {"a", "b.c"}) {
      Message message = subscriber.receive(PATIENCE_MS);
      equal(message == null ? null : message.getJMSDestination(), session.createTopic("durable." + number + "." + part));
    }
  }

  private void individual() throws Exception {
    Session session = open(ActiveMQSession.INDIVIDUAL_ACKNOWLEDGE);
    TopicSubscriber subscriber = subscribe(session, null, false);
    send("1", "2", "3");
    subscriber.receive(PATIENCE_MS);
    subscriber.receive(PATIENCE_MS).acknowledge();
    subscriber.receive(PATIENCE_MS);
    subscriber.close();
    closeAll();
    TopicSubscriber again = subscribe(open(), null, false);
    expect(again, "1", "3");
    nothing(again);
  }

  private void transacted() throws Exception {
    Session session = open(Session.SESSION_TRANSACTED);
    TopicSubscriber subscriber = subscribe(session, null, false);
    send("1", "2");
    expect(subscriber, "1", "2");
    session.rollback();
    Message again = subscriber.receive(PATIENCE_MS);
    equal(again.getJMSRedelivered(), true);
    session.commit();
    closeAll();
    TopicSubscriber later = subscribe(open(), null, false);
    expect(later, "2");
    nothing(later);
  }

  private void inUse() throws Exception {
    Session session = open();
    subscribe(session, null, false);
    try {
      subscribe(session, null, false);
    } catch (JMSException refusal) {
      String text = "Durable consumer is in use for client: client-" + number + " and subscriptionName: sub";
      if (refusal.getMessage().contains(text)) return;
      throw refusal;
    }
    throw new AssertionError("it was let in");
  }

  private void unsubscribe() throws Exception {
    Session session = open();
    subscribe(session, null, false).close();
    send("gone");
    session.unsubscribe("sub");
    nothing(subscribe(session, null, false));
  }

  private void unsubscribeRefused() throws Exception {
    Session session = open();
    subscribe(session, null, false);
    try {
      session.unsubscribe("sub");
      throw new AssertionError("it was removed in use");
    } catch (InvalidDestinationException unexpected) {
      throw unexpected;
    } catch (JMSException refusal) {
      // As it should be.
    }
    try {
      session.unsubscribe("nobody");
      throw new AssertionError("an unknown one was removed");
    } catch (InvalidDestinationException refusal) {
      // As it should be.
    }
  }

  // --- what scenarios are made of

  private Session open() throws JMSException {
    return open(Session.AUTO_ACKNOWLEDGE);
  }

  /** A session of the one client that subscribes. */
  private Session open(int mode) throws JMSException {
    Connection connection = factory.createConnection();
    connections.add(connection);
    connection.setClientID("client-" + number);
    connection.start();
    return connection.createSession(mode == Session.SESSION_TRANSACTED, mode);
  }

  private void closeAll() throws JMSException {
    for (Connection connection : connections) connection.close();
    connections.clear();
  }

  private Topic topic(Session session) throws JMSException {
    return session.createTopic("durable." + number);
  }

  private TopicSubscriber subscribe(Session session, String selector, boolean noLocal) throws JMSException {
    return session.createDurableSubscriber(topic(session), "sub", selector, noLocal);
  }

  /** From a client of its own. */
  private void send(String... texts) throws JMSException {
    Connection connection = factory.createConnection();
    try {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer producer = session.createProducer(topic(session));
      for (String text : texts) producer.send(session.createTextMessage(text));
    } finally {
      connection.close();
    }
  }

  private void sendColored(Session session, String... colors) throws JMSException {
    MessageProducer producer = session.createProducer(topic(session));
    for (String color : colors) {
      TextMessage message = session.createTextMessage(color);
      message.setStringProperty("color", color);
      producer.send(message);
    }
  }

  private static void expect(MessageConsumer consumer, String... texts) throws JMSException {
    for (String text : texts) {
      TextMessage message = (TextMessage) consumer.receive(PATIENCE_MS);
      equal(message == null ? null : message.getText(), text);
    }
  }

  private static void nothing(MessageConsumer consumer) throws JMSException {
    Message message = consumer.receive(SILENCE_MS);
    if (message != null) throw new AssertionError("nothing expected, got " + message);
  }

  private static void equal(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }

  // --- the takeover

  private static void takeOver(String uri, int count) throws Exception {
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    connection.setClientID("takeover");
    connection.start();
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    Topic topic = session.createTopic("durable.takeover");
    TopicSubscriber subscriber = session.createDurableSubscriber(topic, "sub");
    Connection sender = new ActiveMQConnectionFactory(uri).createConnection();
    Session sending = sender.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = sending.createProducer(topic);
    boolean[] isSeen = new boolean[count];
    Thread receiver = new Thread(() -> receive(subscriber, isSeen));
    receiver.start();
    for (int index = 0; index < count; index++) {
      producer.send(sending.createTextMessage(String.valueOf(index)));
      if (index == count / 2) {
        System.out.println("HALFWAY");
        System.in.read();
      }
    }
    receiver.join();
    int seen = 0;
    for (boolean is : isSeen) if (is) seen++;
    System.out.println("received " + seen + " of " + count);
    System.exit(0);
  }

  /** Until nothing came for long: the takeover is shorter. */
  private static void receive(TopicSubscriber subscriber, boolean[] isSeen) {
    try {
      for (int missing = isSeen.length; missing > 0; ) {
        TextMessage message = (TextMessage) subscriber.receive(PATIENCE_MS);
        if (message == null) return;
        int index = Integer.parseInt(message.getText());
        if (!isSeen[index]) missing--;
        isSeen[index] = true;
        if (index % 10 == 0) message.acknowledge();
      }
    } catch (JMSException problem) {
      System.out.println("failed " + problem);
    }
  }
}
