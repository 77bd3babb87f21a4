import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** A registry API at /v2/ beside a web site, in a Jetty that takes every spelling it can be told to take. */
public class JettySite {
  public static void main(String[] args) throws Exception {
    Server server = new Server();
    HttpConnectionFactory http =
        new HttpConnectionFactory(new HttpConfiguration(), HttpCompliance.LEGACY);
    ServerConnector connector = new ServerConnector(server, http);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(args[0]));
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    context.setContextPath("/");
    context.addServlet(new ServletHolder(new Part("REGISTRY")), "/v2/*");
    context.addServlet(new ServletHolder(new Part("SITE")), "/*");
    server.setHandler(context);
    server.start();
    System.out.println("UP");
    server.join();
  }

  static class Part extends HttpServlet {
    private final String name;

    Part(String name) {
      this.name = name;
    }

    @Override
    protected void service(HttpServletRequest asked, HttpServletResponse answer) throws IOException {
      String login = asked.getHeader("Authorization");
      System.out.println(name + " " + asked.getMethod() + " " + asked.getPathInfo() + " " + login);
      if (name.equals("REGISTRY") && login == null) {
        answer.setHeader("WWW-Authenticate", "Basic realm=\"company\"");
        answer.setStatus(401);
        return;
      }
      answer.setContentType("application/json");
      answer.getWriter().write("{}");
    }
  }
}
