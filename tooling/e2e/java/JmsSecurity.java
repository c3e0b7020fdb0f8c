import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.advisory.AdvisorySupport;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.command.ActiveMQDestination;
import org.apache.activemq.command.ActiveMQMessage;
import org.apache.activemq.command.ActiveMQQueue;
import org.apache.activemq.command.DestinationInfo;
import org.apache.activemq.filter.DestinationMapEntry;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.AuthorizationEntry;
import org.apache.activemq.security.AuthorizationPlugin;
import org.apache.activemq.security.DefaultAuthorizationMap;
import org.apache.activemq.security.SimpleAuthenticationPlugin;
import org.apache.activemq.security.TempDestinationAuthorizationEntry;

/**
 * What clients meet at a broker with users and rights. Argument: the broker's URI, or `control` for an
 * ActiveMQ of this process with the same users and rights. For each scenario one line says `ok NAME`
 * or `failed NAME: why`.
 */
public final class JmsSecurity {
  private static final long PATIENCE_MS = 10_000;
  private static final long SILENCE_MS = 200;

  private interface Scenario {
    void run() throws Exception;
  }

  private final String uri;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final List<Connection> connections = new ArrayList<>();

  private JmsSecurity(String uri) {
    this.uri = uri;
    scenarios.put("a right password is let in", this::rightPassword);
    scenarios.put("a wrong password and an unknown user get the same answer", this::wrongPassword);
    scenarios.put("who may write but not read sends and does not consume", this::writer);
    scenarios.put("who may read but not write consumes and does not send", this::reader);
    scenarios.put("a refused asynchronous send is told to the exception listener", this::asynchronousSend);
    scenarios.put("a browser needs the right to read", this::browser);
    scenarios.put("a destination is created by who may", this::creation);
    scenarios.put("a destination is deleted by who may", this::deletion);
    scenarios.put("a guest may do what guests may", this::guest);
    scenarios.put("a wildcard consumer gets what it may read", this::wildcard);
    scenarios.put("a durable subscription needs the right to read", this::durable);
    scenarios.put("a request is answered through a temporary queue", this::requestReply);
    scenarios.put("advisories reach clients", this::advisories);
    scenarios.put("a refused send fails its transaction", this::transaction);
    scenarios.put("a failover client that is refused is told so", this::failover);
  }

  public static void main(String[] args) throws Exception {
    BrokerService control = args[0].equals("control") ? control() : null;
    String uri = control == null ? args[0] : control.getTransportConnectors().get(0).getConnectUri().toString();
    new JmsSecurity(uri).runAll();
    if (control != null) control.stop();
    System.exit(0);
  }

  private void runAll() {
    scenarios.forEach((name, scenario) -> {
      try {
        scenario.run();
        System.out.println("ok " + name);
      } catch (Throwable failure) {
        System.out.println("failed " + name + ": " + failure);
      } finally {
        closeConnections();
      }
    });
  }

  private void rightPassword() throws Exception {
    Session session = session("anna");
    MessageProducer producer = session.createProducer(session.createQueue("orders.login"));
    producer.send(session.createTextMessage("hello"));
  }

  private void wrongPassword() throws Exception {
    for (String[] login : new String[][] {{"anna", "wrong"}, {"nobody", "wrong"}}) {
      Connection connection = new ActiveMQConnectionFactory(uri).createConnection(login[0], login[1]);
      connections.add(connection);
      refused("User name [" + login[0] + "] or password is invalid.", () -> connection.start());
    }
  }

  private void writer() throws Exception {
    Session session = session("anna");
    Queue queue = session.createQueue("orders.write");
    session.createProducer(queue).send(session.createTextMessage("m"));
    session.createProducer(null).send(queue, session.createTextMessage("m"));
    refused("User anna is not authorized to read from: queue://orders.write", () -> session.createConsumer(queue));
    refused("User anna is not authorized to write to: queue://secret", () -> session.createProducer(session.createQueue("secret")));
    refused("User anna is not authorized to write to: queue://secret",
        () -> session.createProducer(null).send(session.createQueue("secret"), session.createTextMessage("m")));
  }

  private void reader() throws Exception {
    Session sender = session("anna");
    sender.createProducer(sender.createQueue("orders.read")).send(sender.createTextMessage("for bert"));
    Session session = session("bert");
    Queue queue = session.createQueue("orders.read");
    equal(text(session.createConsumer(queue).receive(PATIENCE_MS)), "for bert");
    refused("User bert is not authorized to write to: queue://orders.read", () -> session.createProducer(queue));
  }

  private void asynchronousSend() throws Exception {
    ActiveMQConnection connection = connection("bert");
    connection.setUseAsyncSend(true);
    List<JMSException> heard = new ArrayList<>();
    connection.setExceptionListener((exception) -> {
      synchronized (heard) {
        heard.add(exception);
        heard.notifyAll();
      }
    });
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    session.createProducer(null).send(session.createQueue("orders.async"), session.createTextMessage("m"));
    synchronized (heard) {
      if (heard.isEmpty()) heard.wait(PATIENCE_MS);
      check(heard.size() == 1, "the listener heard of it");
      check(heard.get(0).getMessage().contains("User bert is not authorized to write to: queue://orders.async"), heard.get(0).getMessage());
    }
  }

  private void browser() throws Exception {
    Session sender = session("anna");
    Queue queue = sender.createQueue("orders.browse");
    sender.createProducer(queue).send(sender.createTextMessage("m"));
    check(session("bert").createBrowser(queue).getEnumeration().hasMoreElements(), "bert sees it");
    refused("User anna is not authorized to read from: queue://orders.browse",
        () -> sender.createBrowser(queue).getEnumeration().hasMoreElements());
  }

  private void creation() throws Exception {
    Session session = session("dora");
    refused("User dora is not authorized to create: queue://reports.new", () -> session.createProducer(session.createQueue("reports.new")));
    Session admin = session("carla");
    admin.createProducer(admin.createQueue("reports.old")).close();
    session.createProducer(session.createQueue("reports.old")).close();
  }

  private void deletion() throws Exception {
    ActiveMQConnection owner = connection("carla");
    ActiveMQConnection stranger = connection("dora");
    ActiveMQQueue queue = new ActiveMQQueue("admin.queue");
    Session session = owner.createSession(false, Session.AUTO_ACKNOWLEDGE);
    session.createProducer(queue).close();
    refused("User dora is not authorized to remove: queue://admin.queue", () -> stranger.destroyDestination(queue));
    owner.destroyDestination(queue);
  }

  private void guest() throws Exception {
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    connections.add(connection);
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Topic topic = session.createTopic("news.guests");
    MessageConsumer consumer = session.createConsumer(topic);
    refused("User guest is not authorized to write to: topic://news.guests", () -> session.createProducer(topic));
    Session sender = session("anna");
    sender.createProducer(topic).send(sender.createTextMessage("news"));
    equal(text(consumer.receive(PATIENCE_MS)), "news");
  }

  private void wildcard() throws Exception {
    Session admin = session("carla");
    admin.createProducer(admin.createQueue("wild.secret")).send(admin.createTextMessage("secret"));
    admin.createProducer(admin.createQueue("wild.orders")).send(admin.createTextMessage("order"));
    Session session = session("bert");
    MessageConsumer consumer = session.createConsumer(session.createQueue("wild.>"));
    equal(text(consumer.receive(PATIENCE_MS)), "order");
    admin.createProducer(admin.createQueue("wild.later")).send(admin.createTextMessage("secret too"));
    check(consumer.receive(SILENCE_MS) == null, "nothing else comes");
    refused("User bert is not authorized to read from: queue://secret.>", () -> session.createConsumer(session.createQueue("secret.>")));
  }

  private void durable() throws Exception {
    Connection worker = new ActiveMQConnectionFactory(uri).createConnection("bert", "bert");
    connections.add(worker);
    worker.setClientID("durable-bert");
    worker.start();
    Session session = worker.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Topic news = session.createTopic("news.durable");
    refused("User bert is not authorized to read from: topic://private", () -> session.createDurableSubscriber(session.createTopic("private"), "s"));
    session.createDurableSubscriber(news, "s").close();
    session.unsubscribe("s");
  }

  private void requestReply() throws Exception {
    Session server = session("bert");
    MessageConsumer requests = server.createConsumer(server.createQueue("orders.requests"));
    Session client = session("anna");
    TemporaryQueue replies = client.createTemporaryQueue();
    MessageConsumer consumer = client.createConsumer(replies);
    Message request = client.createTextMessage("request");
    request.setJMSReplyTo(replies);
    client.createProducer(client.createQueue("orders.requests")).send(request);
    Message received = requests.receive(PATIENCE_MS);
    server.createProducer(received.getJMSReplyTo()).send(server.createTextMessage("reply"));
    equal(text(consumer.receive(PATIENCE_MS)), "reply");
    Connection guest = new ActiveMQConnectionFactory(uri).createConnection();
    connections.add(guest);
    Session guests = guest.createSession(false, Session.AUTO_ACKNOWLEDGE);
    refused("User guest is not authorized to create: temp-queue://", guests::createTemporaryQueue);
  }

  private void advisories() throws Exception {
    Session session = session("bert");
    MessageConsumer consumer = session.createConsumer(AdvisorySupport.getDestinationAdvisoryTopic(new ActiveMQQueue("x")));
    Session admin = session("carla");
    admin.createProducer(admin.createQueue("advised")).close();
    for (;;) {
      ActiveMQMessage message = (ActiveMQMessage) consumer.receive(PATIENCE_MS);
      check(message != null, "the advisory came");
      ActiveMQDestination told = ((DestinationInfo) message.getDataStructure()).getDestination();
      if (told.getPhysicalName().equals("advised")) return;
    }
  }

  private void transaction() throws Exception {
    ActiveMQConnection connection = connection("anna");
    Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer producer = session.createProducer(null);
    producer.send(session.createQueue("orders.transaction"), session.createTextMessage("m"));
    producer.send(session.createQueue("secret"), session.createTextMessage("m"));
    boolean isCommitted = true;
    try {
      session.commit();
    } catch (JMSException expected) {
      isCommitted = false;
    }
    check(!isCommitted, "the commit failed");
    Session reader = session("bert");
    check(reader.createConsumer(reader.createQueue("orders.transaction")).receive(SILENCE_MS) == null, "nothing was sent");
  }

  private void failover() throws Exception {
    ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory("failover:(" + uri + ")?maxReconnectAttempts=2");
    Connection connection = factory.createConnection("anna", "wrong");
    connections.add(connection);
    refused("User name [anna] or password is invalid.", connection::start);
  }

  // --- what scenarios are made of

  private ActiveMQConnection connection(String user) throws JMSException {
    ActiveMQConnection connection = (ActiveMQConnection) new ActiveMQConnectionFactory(uri).createConnection(user, user);
    connections.add(connection);
    connection.start();
    return connection;
  }

  private Session session(String user) throws JMSException {
    return connection(user).createSession(false, Session.AUTO_ACKNOWLEDGE);
  }

  private void closeConnections() {
    for (Connection connection : connections) {
      try {
        connection.close();
      } catch (JMSException gone) {
        // It was closed or refused before.
      }
    }
    connections.clear();
  }

  private static void refused(String text, Scenario command) throws Exception {
    try {
      command.run();
    } catch (JMSException refusal) {
      check(refusal.getMessage() != null && refusal.getMessage().startsWith(text), "refused with: " + refusal.getMessage());
      check(refusal.getCause() instanceof SecurityException || refusal instanceof JMSSecurityException, "a SecurityException, not " + refusal.getCause());
      return;
    }
    throw new AssertionError("not refused: " + text);
  }

  private static String text(Message message) throws JMSException {
    check(message != null, "a message came");
    return ((TextMessage) message).getText();
  }

  private static void equal(Object actual, Object expected) {
    check(expected.equals(actual), "expected " + expected + ", got " + actual);
  }

  private static void check(boolean isTrue, String claim) {
    if (!isTrue) throw new AssertionError(claim);
  }

  // --- an ActiveMQ with the same users and rights

  private static BrokerService control() throws Exception {
    BrokerService broker = new BrokerService();
    broker.setPersistent(false);
    broker.setUseJmx(false);
    SimpleAuthenticationPlugin users = new SimpleAuthenticationPlugin(Arrays.asList(
        new AuthenticationUser("anna", "anna", "shop,users"),
        new AuthenticationUser("bert", "bert", "workers,users"),
        new AuthenticationUser("carla", "carla", "admins"),
        new AuthenticationUser("dora", "dora", "reporters")));
    users.setAnonymousAccessAllowed(true);
    users.setAnonymousUser("guest");
    users.setAnonymousGroup("guests");
    List<DestinationMapEntry> entries = new ArrayList<>();
    entries.add(entry(true, ">", "admins", "admins", "admins"));
    entries.add(entry(false, ">", "admins", "admins", "admins"));
    entries.add(entry(true, "orders.>", "workers", "shop", "shop,workers"));
    entries.add(entry(true, "wild.orders", "workers", "shop", "shop,workers"));
    entries.add(entry(true, "reports.>", "reporters", "reporters", "admins"));
    entries.add(entry(false, "news.>", "*", "users", "users,guests"));
    entries.add(entry(false, "ActiveMQ.Advisory.>", "*", "*", "*"));
    DefaultAuthorizationMap map = new DefaultAuthorizationMap(entries);
    TempDestinationAuthorizationEntry temporary = new TempDestinationAuthorizationEntry();
    temporary.setRead("users,admins");
    temporary.setWrite("users,admins");
    temporary.setAdmin("users,admins");
    map.setTempDestinationAuthorizationEntry(temporary);
    broker.setPlugins(new BrokerPlugin[] {users, new AuthorizationPlugin(map)});
    broker.addConnector("tcp://127.0.0.1:0");
    broker.start();
    broker.waitUntilStarted();
    return broker;
  }

  private static AuthorizationEntry entry(boolean isQueue, String pattern, String read, String write, String admin) throws Exception {
    AuthorizationEntry entry = new AuthorizationEntry();
    if (isQueue) entry.setQueue(pattern);
    else entry.setTopic(pattern);
    entry.setRead(read);
    entry.setWrite(write);
    entry.setAdmin(admin);
    return entry;
  }
}
