import java.util.Arrays;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Selectors and priorities through JMS. Argument: the broker's URI. For each scenario one line says `ok NAME` or
 * `failed NAME: why`.
 */
public final class JmsSelectors {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 300;
  private static final int FAR = 1_000;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private Connection connection;
  private Session session;
  private Queue queue;

  private JmsSelectors(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("each consumer gets what its selector matches", this::split);
    scenarios.put("headers and properties of every type may be selected by", this::types);
    scenarios.put("a message far behind others is found", this::far);
    scenarios.put("what a selector leaves is there for a consumer without one", this::rest);
    scenarios.put("a browser shows what its selector matches", this::browse);
    scenarios.put("a topic consumer gets what its selector matches", this::topic);
    scenarios.put("a wrong selector is an InvalidSelectorException", this::wrong);
    scenarios.put("a rolled-back message is redelivered to its selector", this::rollback);
    scenarios.put("greater priority goes first where the policy says so", this::priority);
  }

  public static void main(String[] args) throws Exception {
    System.exit(new JmsSelectors(args[0]).runAll() ? 0 : 1);
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    int number = 0;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      connection = factory.createConnection();
      try {
        connection.start();
        session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        number += 1;
        queue = session.createQueue("SELECTED." + number);
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsSelectors"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + entry.getKey() + ": " + problem + " at " + place);
      } finally {
        connection.close();
      }
    }
    return isEverythingOk;
  }

  private void split() throws Exception {
    MessageConsumer red = session.createConsumer(queue, "color = 'red'");
    MessageConsumer blue = session.createConsumer(queue, "color = 'blue'");
    for (String color : new String[] {"green", "red", "blue", "red"}) send(queue, color);
    expect("red", red);
    expect("red", red);
    expect("blue", blue);
    expectNothing(red);
    expectNothing(blue);
  }

  private void types() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue,
        "JMSType = 't' AND JMSCorrelationID = 'c' AND JMSPriority = 7 AND JMSDeliveryMode = 'PERSISTENT' "
            + "AND aBoolean AND aByte = 1 AND aShort = 2 AND anInt = 3 AND aLong = 4 AND aFloat = 5.5 "
            + "AND aDouble BETWEEN 6 AND 7 AND aString LIKE 'te_t%' AND nothing IS NULL AND JMSRedelivered = FALSE");
    send(queue, "red");
    TextMessage message = session.createTextMessage("typed");
    message.setJMSType("t");
    message.setJMSCorrelationID("c");
    message.setBooleanProperty("aBoolean", true);
    message.setByteProperty("aByte", (byte) 1);
    message.setShortProperty("aShort", (short) 2);
    message.setIntProperty("anInt", 3);
    message.setLongProperty("aLong", 4);
    message.setFloatProperty("aFloat", 5.5f);
    message.setDoubleProperty("aDouble", 6.5);
    message.setStringProperty("aString", "text!");
    producer(queue).send(message, DeliveryMode.PERSISTENT, 7, 0);
    expect("typed", consumer);
    expectNothing(consumer);
  }

  private void far() throws Exception {
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer producer = transacted.createProducer(queue);
    for (int index = 0; index < FAR; index += 1) producer.send(colored(transacted, "green"));
    producer.send(colored(transacted, "red"));
    transacted.commit();
    expect("red", session.createConsumer(queue, "color = 'red'"));
  }

  private void rest() throws Exception {
    MessageConsumer red = session.createConsumer(queue, "color = 'red'");
    for (String color : new String[] {"green", "red", "blue"}) send(queue, color);
    expect("red", red);
    MessageConsumer all = session.createConsumer(queue);
    expect("green", all);
    expect("blue", all);
  }

  private void browse() throws Exception {
    for (String color : new String[] {"green", "red", "blue", "red"}) send(queue, color);
    Enumeration<?> shown = session.createBrowser(queue, "color = 'red'").getEnumeration();
    int count = 0;
    while (shown.hasMoreElements()) {
      require("red".equals(((TextMessage) shown.nextElement()).getText()), "only red ones are shown");
      count += 1;
    }
    require(count == 2, "two are shown, not " + count);
  }

  private void topic() throws Exception {
    Topic topic = session.createTopic("SELECTED.TOPIC");
    MessageConsumer red = session.createConsumer(topic, "color = 'red'");
    for (String color : new String[] {"green", "red", "blue"}) send(topic, color);
    expect("red", red);
    expectNothing(red);
  }

  private void wrong() throws Exception {
    try {
      session.createConsumer(queue, "color = ");
    } catch (InvalidSelectorException expected) {
      return;
    }
    throw new AssertionError("it was taken");
  }

  private void rollback() throws Exception {
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer red = transacted.createConsumer(queue, "color = 'red'");
    for (String color : new String[] {"green", "red"}) send(queue, color);
    expect("red", red);
    transacted.rollback();
    expect("red", red);
    transacted.commit();
    expectNothing(red);
  }

  private void priority() throws Exception {
    Queue prioritized = session.createQueue("PRIORITIZED");
    MessageProducer producer = producer(prioritized);
    for (int priority : new int[] {1, 9, 4, 9, 0}) {
      TextMessage message = session.createTextMessage(String.valueOf(priority));
      producer.send(message, DeliveryMode.PERSISTENT, priority, 0);
    }
    MessageConsumer consumer = session.createConsumer(prioritized);
    for (int priority : new int[] {9, 9, 4, 1, 0}) expect(String.valueOf(priority), consumer);
  }

  private void send(Destination to, String color) throws Exception {
    producer(to).send(colored(session, color));
  }

  private MessageProducer producer(Destination to) throws Exception {
    return session.createProducer(to);
  }

  private static TextMessage colored(Session by, String color) throws Exception {
    TextMessage message = by.createTextMessage(color);
    message.setStringProperty("color", color);
    return message;
  }

  private static void expect(String text, MessageConsumer from) throws Exception {
    TextMessage message = (TextMessage) from.receive(PATIENCE_MS);
    require(message != null, text + " did not come");
    require(text.equals(message.getText()), text + " was to come, not " + message.getText());
  }

  private static void expectNothing(MessageConsumer from) throws Exception {
    require(from.receive(SILENCE_MS) == null, "nothing was to come");
  }

  private static void require(boolean condition, String claim) {
    if (!condition) throw new AssertionError(claim);
  }
}
