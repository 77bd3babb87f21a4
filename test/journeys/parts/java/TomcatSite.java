import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** A registry API at /v2/ beside a web site, in a Tomcat that takes every spelling it can be told to take. */
public class TomcatSite {
  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[1]);
    Connector connector = new Connector();
    connector.setPort(Integer.parseInt(args[0]));
    connector.setProperty("address", "127.0.0.1");
    connector.setEncodedSolidusHandling("decode");
    connector.setProperty("allowBackslash", "true");
    tomcat.setConnector(connector);
    Context context = tomcat.addContext("", args[1]);
    Tomcat.addServlet(context, "registry", new Part("REGISTRY"));
    Tomcat.addServlet(context, "site", new Part("SITE"));
    context.addServletMappingDecoded("/v2/*", "registry");
    context.addServletMappingDecoded("/*", "site");
    tomcat.start();
    System.out.println("UP");
    tomcat.getServer().await();
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
