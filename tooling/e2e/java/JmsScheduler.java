import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ScheduledMessage;

/**
 * Scheduled messages through JMS. Arguments: what to do, the broker's URI, and how many.
 *
 * `scenarios`: for each one line says `ok NAME` or `failed NAME: why`.
 * `failover`: schedules that many messages over the next seconds, the half of them in transactions, says SCHEDULED, and
 * consumes until all have come; ends with `received N of N, A again`.
 */
public final class JmsScheduler {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 300;
  /** ActiveMQ rounds up to the next half second. */
  private static final long DELAY_MS = 1_500;
  private static final long FAR_MS = 3_600_000;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private Connection connection;
  private Session session;
  private String scenario;

  private JmsScheduler(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("a delay holds a message back, and its id stays", this::delay);
    scenarios.put("a period repeats a message, each time with another id", this::repeat);
    scenarios.put("values may be of any type", this::types);
    scenarios.put("a cron entry is taken, and listed until it is removed", this::cron);
    scenarios.put("a scheduled message of a transaction counts from its commit", this::transacted);
    scenarios.put("a time to live counts from the delivery", this::timeToLive);
    scenarios.put("a scheduled message reaches a topic", this::topic);
    scenarios.put("a browser is sent every job, in the order of their times", this::browse);
    scenarios.put("a browser is sent the jobs of a span of time", this::browseSpan);
    scenarios.put("a job is removed by its id", this::remove);
    scenarios.put("the jobs of a span of time are removed", this::removeSpan);
    scenarios.put("too many repeats are refused", this::refused);
  }

  public static void main(String[] args) throws Exception {
    JmsScheduler program = new JmsScheduler(args[1]);
    if (args[0].equals("scenarios")) System.exit(program.runAll() ? 0 : 1);
    program.failOver(Integer.parseInt(args[2]));
    System.exit(0);
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      scenario = entry.getKey();
      connection = factory.createConnection();
      try {
        connection.start();
        session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        entry.getValue().run();
        System.out.println("ok " + scenario);
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsScheduler"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + scenario + ": " + problem + " at " + place);
      } finally {
        manage("REMOVEALL", null, null, null);
        connection.close();
      }
    }
    return isEverythingOk;
  }

  private void delay() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    TextMessage message = session.createTextMessage("delayed");
    message.setStringProperty("colour", "red");
    message.setLongProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY, DELAY_MS);
    long sentAt = System.currentTimeMillis();
    session.createProducer(queue()).send(message);
    TextMessage received = (TextMessage) consumer.receive(PATIENCE_MS);
    check(received != null && received.getText().equals("delayed"), "it comes");
    check(System.currentTimeMillis() - sentAt >= DELAY_MS, "after its delay");
    check(received.getJMSMessageID().equals(message.getJMSMessageID()), "with its id");
    check(received.getStringProperty("colour").equals("red"), "with its properties");
    check(received.propertyExists("scheduledJobId"), "with the id of the job");
    check(!received.propertyExists(ScheduledMessage.AMQ_SCHEDULED_DELAY), "without its schedule");
    check(consumer.receive(SILENCE_MS) == null, "once");
  }

  private void repeat() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    TextMessage message = session.createTextMessage("repeated");
    message.setLongProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY, 500);
    message.setLongProperty(ScheduledMessage.AMQ_SCHEDULED_PERIOD, 500);
    message.setIntProperty(ScheduledMessage.AMQ_SCHEDULED_REPEAT, 2);
    session.createProducer(queue()).send(message);
    List<String> ids = new ArrayList<>();
    for (int count = 0; count < 3; count++) {
      Message received = consumer.receive(PATIENCE_MS);
      check(received != null, "delivery " + count + " comes");
      check(!ids.contains(received.getJMSMessageID()), "with another id");
      ids.add(received.getJMSMessageID());
    }
    check(consumer.receive(1_500) == null, "then no more");
  }

  private void types() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    Message message = session.createMessage();
    message.setStringProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY, "500");
    message.setIntProperty(ScheduledMessage.AMQ_SCHEDULED_PERIOD, 500);
    message.setStringProperty(ScheduledMessage.AMQ_SCHEDULED_REPEAT, "1");
    session.createProducer(queue()).send(message);
    check(consumer.receive(PATIENCE_MS) != null, "the first comes");
    check(consumer.receive(PATIENCE_MS) != null, "the second comes");
  }

  private void cron() throws Exception {
    TextMessage message = session.createTextMessage("cron");
    // The first of January, which is never soon enough for this test to see it.
    message.setStringProperty(ScheduledMessage.AMQ_SCHEDULED_CRON, "30 3 1 1 *");
    session.createProducer(queue()).send(message);
    List<Message> jobs = browse(null, null);
    check(jobs.size() == 1, "it is listed");
    check(jobs.get(0).getStringProperty(ScheduledMessage.AMQ_SCHEDULED_CRON).equals("30 3 1 1 *"), "with its entry");
    manage("REMOVE", jobs.get(0).getStringProperty("scheduledJobId"), null, null);
    check(browse(null, null).isEmpty(), "it is removed");
  }

  private void transacted() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer producer = transacted.createProducer(queue());
    producer.send(delayed("rolled back", 100));
    transacted.rollback();
    producer.send(delayed("committed", 500));
    check(consumer.receive(1_200) == null, "nothing comes before the commit");
    transacted.commit();
    TextMessage received = (TextMessage) consumer.receive(PATIENCE_MS);
    check(received != null && received.getText().equals("committed"), "it comes after it");
    check(consumer.receive(SILENCE_MS) == null, "and nothing else");
  }

  private void timeToLive() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    session.createProducer(queue())
        .send(delayed("alive", DELAY_MS), DeliveryMode.PERSISTENT, 4, 1_000);
    Message received = consumer.receive(PATIENCE_MS);
    check(received != null, "it comes, although its time to live has passed since the send");
    check(received.getJMSExpiration() - received.getJMSTimestamp() == 1_000, "with its time to live");
  }

  private void topic() throws Exception {
    Topic topic = session.createTopic("scheduler.topic");
    MessageConsumer consumer = session.createConsumer(topic);
    session.createProducer(topic).send(delayed("heard", 500));
    check(consumer.receive(PATIENCE_MS) != null, "it comes");
  }

  private void browse() throws Exception {
    MessageProducer producer = session.createProducer(queue());
    for (int hour : new int[] {3, 1, 2}) producer.send(delayed("in " + hour, hour * FAR_MS));
    List<Message> jobs = browse(null, null);
    check(textsOf(jobs).equals(Arrays.asList("in 1", "in 2", "in 3")), "all are listed in order, not " + textsOf(jobs));
    for (Message job : jobs) {
      check(job.getJMSType().equals("Advisory"), "as the broker's own word");
      check(job.propertyExists("scheduledJobId"), "with the id of the job");
      check(job.getLongProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY) > 0, "with its schedule");
    }
  }

  private void browseSpan() throws Exception {
    MessageProducer producer = session.createProducer(queue());
    for (int hour = 1; hour <= 3; hour++) producer.send(delayed("in " + hour, hour * FAR_MS));
    long now = System.currentTimeMillis();
    List<Message> jobs = browse(now + FAR_MS * 3 / 2, now + FAR_MS * 5 / 2);
    check(textsOf(jobs).equals(Collections.singletonList("in 2")), "one is in the span");
  }

  private void remove() throws Exception {
    MessageConsumer consumer = session.createConsumer(queue());
    MessageProducer producer = session.createProducer(queue());
    producer.send(delayed("removed", DELAY_MS));
    String id = browse(null, null).get(0).getStringProperty("scheduledJobId");
    manage("REMOVE", id, null, null);
    producer.send(delayed("kept", DELAY_MS));
    TextMessage received = (TextMessage) consumer.receive(PATIENCE_MS);
    check(received != null && received.getText().equals("kept"), "the other comes");
    check(consumer.receive(SILENCE_MS) == null, "and nothing else");
  }

  private void removeSpan() throws Exception {
    MessageProducer producer = session.createProducer(queue());
    for (int hour = 1; hour <= 3; hour++) producer.send(delayed("in " + hour, hour * FAR_MS));
    long now = System.currentTimeMillis();
    manage("REMOVEALL", null, now + FAR_MS * 3 / 2, now + FAR_MS * 5 / 2);
    check(textsOf(browse(null, null)).equals(Arrays.asList("in 1", "in 3")), "the others are left");
  }

  private void refused() throws Exception {
    MessageProducer producer = session.createProducer(queue());
    Message often = session.createMessage();
    often.setLongProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY, FAR_MS);
    often.setIntProperty(ScheduledMessage.AMQ_SCHEDULED_REPEAT, 1_001);
    expectRefusal(() -> producer.send(often));
    check(browse(null, null).isEmpty(), "nothing is scheduled");
  }

  private void failOver(int count) throws Exception {
    connection = factory.createConnection();
    connection.start();
    session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer single = session.createProducer(session.createQueue("scheduler.failover"));
    MessageProducer committed = transacted.createProducer(session.createQueue("scheduler.failover"));
    for (int index = 0; index < count; index++) {
      // From now, so that the next broker has some that are due before it is there.
      long delay = 500 + index * 4_000L / count;
      TextMessage message = delayed("" + index, delay);
      if (index % 2 == 0) single.send(message);
      else committed.send(message);
    }
    transacted.commit();
    System.out.println("SCHEDULED");
    MessageConsumer consumer = session.createConsumer(session.createQueue("scheduler.failover"));
    List<String> received = new ArrayList<>();
    int again = 0;
    for (TextMessage message; (message = (TextMessage) consumer.receive(PATIENCE_MS)) != null;) {
      // A message whose ack was lost comes again, and says so.
      if (!received.contains(message.getText())) received.add(message.getText());
      else if (!message.getJMSRedelivered()) again++;
    }
    System.out.println("received " + received.size() + " of " + count + ", " + again + " again");
  }

  private TextMessage delayed(String text, long delay) throws JMSException {
    TextMessage message = session.createTextMessage(text);
    message.setLongProperty(ScheduledMessage.AMQ_SCHEDULED_DELAY, delay);
    return message;
  }

  /** One of its own for each scenario. */
  private Queue queue() throws JMSException {
    return session.createQueue("scheduler." + scenario.replaceAll("\\W+", "-"));
  }

  private List<Message> browse(Long from, Long to) throws JMSException {
    TemporaryQueue replies = session.createTemporaryQueue();
    MessageConsumer consumer = session.createConsumer(replies);
    Message request = request("BROWSE", null, from, to);
    request.setJMSReplyTo(replies);
    management().send(request);
    List<Message> jobs = new ArrayList<>();
    for (Message job; (job = consumer.receive(1_000)) != null;) jobs.add(job);
    consumer.close();
    return jobs;
  }

  private void manage(String action, String id, Long from, Long to) throws JMSException {
    management().send(request(action, id, from, to));
  }

  private MessageProducer management() throws JMSException {
    return session.createProducer(session.createTopic(ScheduledMessage.AMQ_SCHEDULER_MANAGEMENT_DESTINATION));
  }

  private Message request(String action, String id, Long from, Long to) throws JMSException {
    Message request = session.createMessage();
    request.setStringProperty(ScheduledMessage.AMQ_SCHEDULER_ACTION, action);
    if (id != null) request.setStringProperty(ScheduledMessage.AMQ_SCHEDULED_ID, id);
    if (from != null) request.setStringProperty(ScheduledMessage.AMQ_SCHEDULER_ACTION_START_TIME, from.toString());
    if (to != null) request.setStringProperty(ScheduledMessage.AMQ_SCHEDULER_ACTION_END_TIME, to.toString());
    return request;
  }

  private static List<String> textsOf(List<Message> messages) throws JMSException {
    List<String> texts = new ArrayList<>();
    for (Message message : messages) texts.add(((TextMessage) message).getText());
    return texts;
  }

  private interface Command {
    void run() throws JMSException;
  }

  private static void expectRefusal(Command command) throws Exception {
    try {
      command.run();
    } catch (JMSException refusal) {
      return;
    }
    throw new Exception("it is not refused");
  }

  private static void check(boolean condition, String claim) throws Exception {
    if (!condition) throw new Exception("not true: " + claim);
  }
}
