import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import javax.transaction.xa.XAException;
import javax.transaction.xa.XAResource;
import javax.transaction.xa.Xid;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQXAConnectionFactory;

/**
 * What a transaction manager does with a broker through JMS. Arguments: what to do, and the broker's URI.
 *
 * `scenarios`: for each one line says `ok NAME` or `failed NAME: why`.
 * `prepare`: prepares two transactions that each receive a message and send one, leaves a third one open, says
 * PREPARED and waits for its end.
 * `resolve`: recovers what another process prepared, commits the one and rolls back the other, and says
 * `recovered N, hidden H, then [what was seen after that]`.
 */
public final class JmsXa {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 200;

  /** What becomes of the transactions of `prepare`. */
  private static final String[] VERDICTS = {"commit", "roll back", "leave open"};

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQXAConnectionFactory factory;
  private final ActiveMQConnectionFactory plainFactory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final List<XAConnection> connections = new ArrayList<>();
  private String scenario;
  private static int branches;

  private JmsXa(String uri) {
    factory = new ActiveMQXAConnectionFactory(uri);
    plainFactory = new ActiveMQConnectionFactory(uri);
    scenarios.put("a commit in two phases makes sends seen and receives final", this::twoPhases);
    scenarios.put("a commit in one phase needs no prepare", this::onePhase);
    scenarios.put("a rollback gives back, before and after the prepare", this::rollback);
    scenarios.put("a branch without work is read-only", this::readOnly);
    scenarios.put("a second prepare is answered as the first", this::prepareAgain);
    scenarios.put("a branch is suspended and resumed, and joined by another session", this::join);
    scenarios.put("what is prepared outlives its connection and is recovered by another", this::recover);
    scenarios.put("what is not prepared goes with its connection", this::lostConnection);
    scenarios.put("what was forgotten is rolled back", this::forget);
    scenarios.put("errors carry the numbers of X/Open", this::errors);
    scenarios.put("a durable subscription takes part", this::durable);
  }

  public static void main(String[] args) throws Exception {
    JmsXa program = new JmsXa(args[1]);
    switch (args[0]) {
      case "scenarios":
        System.exit(program.runAll() ? 0 : 1);
        break;
      case "prepare":
        program.prepareAndWait();
        break;
      default:
        program.resolve();
        System.exit(0);
    }
  }

  private boolean runAll() {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      scenario = entry.getKey();
      try {
        entry.getValue().run();
        System.out.println("ok " + scenario);
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsXa"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + scenario + ": " + problem + " at " + place);
      } finally {
        for (XAConnection connection : connections) closeQuietly(connection);
        connections.clear();
      }
    }
    return isEverythingOk;
  }

  private void twoPhases() throws Exception {
    Work work = new Work("two phases");
    work.begin();
    work.receiveAndSend();
    work.end();
    check(work.resource.prepare(work.xid) == XAResource.XA_OK, "prepare is XA_OK");
    check(receive(work.out, SILENCE_MS) == null, "nothing is seen before the commit");
    work.resource.commit(work.xid, false);
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the send is seen");
    work.connection.close();
    check(receive(work.in, SILENCE_MS) == null, "the receive is final");
  }

  private void onePhase() throws Exception {
    Work work = new Work("one phase");
    work.begin();
    work.receiveAndSend();
    work.end();
    work.resource.commit(work.xid, true);
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the send is seen");
  }

  private void rollback() throws Exception {
    for (boolean isPrepared : new boolean[] {false, true}) {
      Work work = new Work("rollback " + isPrepared);
      work.begin();
      work.receiveAndSend();
      work.end();
      if (isPrepared) work.resource.prepare(work.xid);
      work.resource.rollback(work.xid);
      check(receive(work.out, SILENCE_MS) == null, "no send is seen");
      work.connection.close();
      check("given".equals(receive(work.in, PATIENCE_MS)), "the message is back");
    }
  }

  private void readOnly() throws Exception {
    Work work = new Work("read-only");
    work.begin();
    work.end();
    check(work.resource.prepare(work.xid) == XAResource.XA_RDONLY, "prepare is XA_RDONLY");
    expect(XAException.XAER_NOTA, () -> work.resource.commit(work.xid, false));
  }

  private void prepareAgain() throws Exception {
    Work work = new Work("again");
    work.begin();
    work.send();
    work.end();
    check(work.resource.prepare(work.xid) == XAResource.XA_OK, "the first is XA_OK");
    check(work.resource.prepare(work.xid) == XAResource.XA_OK, "the second too");
    work.resource.commit(work.xid, false);
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the send is seen");
  }

  private void join() throws Exception {
    Work work = new Work("join");
    work.begin();
    work.send();
    work.resource.end(work.xid, XAResource.TMSUSPEND);
    work.resource.start(work.xid, XAResource.TMRESUME);
    work.send();
    work.end();
    XASession other = open().createXASession();
    other.getXAResource().start(work.xid, XAResource.TMJOIN);
    Session session = other.getSession();
    session.createProducer(session.createQueue(work.out)).send(session.createTextMessage("joined"));
    other.getXAResource().end(work.xid, XAResource.TMSUCCESS);
    work.resource.prepare(work.xid);
    work.resource.commit(work.xid, false);
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the first is seen");
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the second is seen");
    check("joined".equals(receive(work.out, PATIENCE_MS)), "the other session's is seen");
  }

  private void recover() throws Exception {
    Work work = new Work("recover");
    work.begin();
    work.receiveAndSend();
    work.end();
    work.resource.prepare(work.xid);
    work.connection.close();
    check(receive(work.in, SILENCE_MS) == null, "the message is still hidden");
    XAResource other = open().createXASession().getXAResource();
    Xid[] prepared = other.recover(XAResource.TMSTARTRSCAN);
    check(prepared.length == 1, "one is prepared");
    check(prepared[0].getFormatId() == work.xid.getFormatId(), "with its format");
    check(Arrays.equals(prepared[0].getGlobalTransactionId(), work.xid.getGlobalTransactionId()), "its id");
    check(Arrays.equals(prepared[0].getBranchQualifier(), work.xid.getBranchQualifier()), "and its branch");
    other.commit(prepared[0], false);
    check(other.recover(XAResource.TMSTARTRSCAN).length == 0, "none is left");
    check("sent".equals(receive(work.out, PATIENCE_MS)), "the send is seen");
    check(receive(work.in, SILENCE_MS) == null, "the receive is final");
  }

  private void lostConnection() throws Exception {
    Work work = new Work("lost");
    work.begin();
    work.receiveAndSend();
    work.end();
    work.connection.close();
    check("given".equals(receive(work.in, PATIENCE_MS)), "the message is back");
    check(receive(work.out, SILENCE_MS) == null, "no send is seen");
    XAResource other = open().createXASession().getXAResource();
    expect(XAException.XAER_NOTA, () -> other.commit(work.xid, true));
  }

  private void forget() throws Exception {
    Work work = new Work("forget");
    work.begin();
    work.send();
    work.end();
    work.resource.prepare(work.xid);
    work.resource.forget(work.xid);
    check(receive(work.out, SILENCE_MS) == null, "no send is seen");
    check(work.resource.recover(XAResource.TMSTARTRSCAN).length == 0, "none is left");
  }

  private void errors() throws Exception {
    Work work = new Work("errors");
    work.begin();
    work.send();
    work.end();
    expect(XAException.XAER_PROTO, () -> work.resource.commit(work.xid, false));
    work.resource.rollback(work.xid);
    expect(XAException.XAER_NOTA, () -> work.resource.commit(work.xid, false));
    expect(XAException.XAER_NOTA, () -> work.resource.commit(work.xid, true));
    expect(XAException.XAER_NOTA, () -> work.resource.rollback(work.xid));
  }

  private void durable() throws Exception {
    XAConnection connection = factory.createXAConnection();
    connections.add(connection);
    connection.setClientID("durable xa");
    connection.start();
    XASession xa = connection.createXASession();
    Session session = xa.getSession();
    Topic topic = session.createTopic("xa.durable");
    MessageConsumer subscriber = session.createDurableSubscriber(topic, "subscription");
    Xid xid = newXid();
    xa.getXAResource().start(xid, XAResource.TMNOFLAGS);
    session.createProducer(topic).send(session.createTextMessage("sent"));
    xa.getXAResource().end(xid, XAResource.TMSUCCESS);
    xa.getXAResource().prepare(xid);
    check(subscriber.receive(SILENCE_MS) == null, "nothing is seen before the commit");
    xa.getXAResource().commit(xid, false);
    Xid second = newXid();
    xa.getXAResource().start(second, XAResource.TMNOFLAGS);
    check(subscriber.receive(PATIENCE_MS) != null, "the send is seen");
    xa.getXAResource().end(second, XAResource.TMSUCCESS);
    xa.getXAResource().prepare(second);
    xa.getXAResource().commit(second, false);
    subscriber.close();
    check(session.createDurableSubscriber(topic, "subscription").receive(SILENCE_MS) == null, "the receive is final");
  }

  private void prepareAndWait() throws Exception {
    for (String name : VERDICTS) {
      Work work = new Work(name);
      work.begin(new Branch(name));
      work.receiveAndSend();
      work.end();
      if (!name.equals("leave open")) work.resource.prepare(work.xid);
    }
    System.out.println("PREPARED");
    Thread.sleep(Long.MAX_VALUE);
  }

  private void resolve() throws Exception {
    XAResource resource = open().createXASession().getXAResource();
    Xid[] prepared = resource.recover(XAResource.TMSTARTRSCAN);
    int hidden = 0;
    for (String name : VERDICTS) if (receive("xa." + name + ".in", SILENCE_MS) == null) hidden++;
    for (Xid xid : prepared) {
      if (new String(xid.getGlobalTransactionId()).equals("commit")) resource.commit(xid, false);
      else resource.rollback(xid);
    }
    List<String> results = new ArrayList<>();
    for (String name : VERDICTS) {
      if (receive("xa." + name + ".in", SILENCE_MS) != null) results.add(name + " gave back");
      if (receive("xa." + name + ".out", SILENCE_MS) != null) results.add(name + " sent");
    }
    System.out.println("recovered " + prepared.length + ", hidden " + hidden + ", then " + results);
  }

  /** A session with a message to receive, and a branch to do it in. */
  private final class Work {
    final String in;
    final String out;
    final XAConnection connection = open();
    final XASession session = connection.createXASession();
    final XAResource resource = session.getXAResource();
    Xid xid;

    Work(String name) throws Exception {
      in = "xa." + name + ".in";
      out = "xa." + name + ".out";
      Connection plain = plainFactory.createConnection();
      Session giver = plain.createSession(false, Session.AUTO_ACKNOWLEDGE);
      giver.createProducer(giver.createQueue(in)).send(giver.createTextMessage("given"));
      plain.close();
    }

    void begin() throws Exception {
      begin(newXid());
    }

    void begin(Xid branch) throws Exception {
      xid = branch;
      resource.start(xid, XAResource.TMNOFLAGS);
    }

    void receiveAndSend() throws Exception {
      Session plain = session.getSession();
      MessageConsumer consumer = plain.createConsumer(plain.createQueue(in + "?consumer.prefetchSize=1"));
      check(consumer.receive(PATIENCE_MS) != null, "there is a message to receive");
      send();
    }

    void send() throws Exception {
      Session plain = session.getSession();
      plain.createProducer(plain.createQueue(out)).send(plain.createTextMessage("sent"));
    }

    void end() throws Exception {
      resource.end(xid, XAResource.TMSUCCESS);
    }
  }

  private interface Command {
    void run() throws XAException;
  }

  private static void expect(int errorCode, Command command) throws Exception {
    try {
      command.run();
    } catch (XAException refusal) {
      check(refusal.errorCode == errorCode, errorCode + " is wanted, not " + refusal.errorCode + ": " + refusal.getMessage());
      return;
    }
    throw new Exception("it is not refused with " + errorCode);
  }

  private XAConnection open() throws JMSException {
    XAConnection connection = factory.createXAConnection();
    connections.add(connection);
    connection.start();
    return connection;
  }

  private String receive(String queue, long timeoutMs) throws Exception {
    Connection connection = plainFactory.createConnection();
    try {
      connection.start();
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer consumer = session.createConsumer(session.createQueue(queue + "?consumer.prefetchSize=1"));
      TextMessage message = (TextMessage) consumer.receive(timeoutMs);
      return message == null ? null : message.getText();
    } finally {
      connection.close();
    }
  }

  private static Xid newXid() {
    return new Branch("global " + ++branches);
  }

  private static void check(boolean condition, String claim) throws Exception {
    if (!condition) throw new Exception("not true: " + claim);
  }

  private static void closeQuietly(XAConnection connection) {
    try {
      connection.close();
    } catch (JMSException closedBefore) {
      // Some scenarios close their own.
    }
  }

  private static final class Branch implements Xid {
    private final String name;

    Branch(String name) {
      this.name = name;
    }

    public int getFormatId() {
      return 86;
    }

    public byte[] getGlobalTransactionId() {
      return name.getBytes();
    }

    public byte[] getBranchQualifier() {
      return new byte[] {1, 2, 3};
    }
  }
}
